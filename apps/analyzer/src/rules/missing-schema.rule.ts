import type { SurfaceRule } from './rule';

/** Without a schema nothing can be checked before the call. */
export const missingSchema: SurfaceRule = {
  id: 'surface/missing-schema',
  family: 'surface',
  target: 'tool',
  title: 'A tool has no usable input schema',
  level: 'warning',
  confidence: 'high',
  explanation:
    'The tool has no input schema, or one that is not an object schema. Arguments cannot be checked before the call and the model has to guess them. Declare `{"type": "object", "properties": {…}}`, also for a tool without arguments.',
  cwe: [20],
  owasp: ['MCP05'],
  *check({ inputSchema }) {
    if (inputSchema === undefined || inputSchema === null)
      yield { pointer: '/inputSchema', message: 'there is no input schema' };
    else if (typeof inputSchema !== 'object' || Array.isArray(inputSchema))
      yield { pointer: '/inputSchema', message: 'the input schema is not an object' };
    else if ((inputSchema as { type?: unknown }).type !== 'object')
      yield { pointer: '/inputSchema/type', message: 'the input schema is not of type "object"' };
  },
  examples: {
    bad: [{ inputSchema: undefined }, { inputSchema: { type: 'string' } }, { inputSchema: {} }],
    good: [
      { inputSchema: { type: 'object' } },
      { inputSchema: { type: 'object', properties: { a: { type: 'string' } } } },
    ],
  },
};
