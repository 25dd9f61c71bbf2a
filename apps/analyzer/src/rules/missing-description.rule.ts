import type { SurfaceRule } from './rule';

/** A tool that says nothing of itself is chosen by its name alone. */
export const missingDescription: SurfaceRule = {
  id: 'surface/missing-description',
  family: 'surface',
  target: 'tool',
  title: 'A tool has no description',
  level: 'note',
  confidence: 'high',
  explanation:
    'The tool has no description, so a model has only the name to choose by, and a reviewer nothing to compare the behaviour with.',
  cwe: [1059],
  owasp: ['MCP09'],
  *check({ description }) {
    if ((description ?? '').trim() === '') yield { pointer: '/description', message: 'there is no description' };
  },
  examples: { bad: [{ description: '' }, { description: undefined }], good: [{ description: 'Adds two numbers' }] },
};
