import { CATALOGUE } from '../validation/testing/catalogue';
import { validateWorkflow } from '../validation/validate';
import { findTemplate, TEMPLATES } from './templates';

describe('templates', () => {
  it('are the six patterns', () => {
    expect(TEMPLATES.map(({ name }) => name)).toEqual([
      'chain',
      'route',
      'parallel-vote',
      'orchestrator-workers',
      'evaluator-optimizer',
      'autonomous-agent',
    ]);
  });

  it.each(TEMPLATES.map(({ name, yaml }) => [name, yaml]))('%s has nothing to complain about', (_name, yaml) => {
    expect(validateWorkflow(yaml, CATALOGUE)).toMatchObject({ valid: true, diagnostics: [] });
  });

  it('say when to take them', () => {
    for (const { title, summary } of TEMPLATES) expect(title.length * summary.length).toBeGreaterThan(0);
  });

  it('are found by name', () => {
    expect(findTemplate('route')?.title).toBe('Routing');
    expect(findTemplate('nothing')).toBeUndefined();
  });
});
