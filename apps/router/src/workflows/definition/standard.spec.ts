import { validate } from '@serverlessworkflow/sdk';
import { TEMPLATES } from '../templates/templates';
import { VALID_DEFINITIONS } from '../validation/testing/valid-definitions';
import type { Json, JsonObject } from './json';
import { parseWorkflow } from './parse';

/** The JSON Schema of the standard, as its own SDK applies it; that knows the first version of the DSL. */
function isStandard(source: JsonObject): boolean {
  const document = { ...(source['document'] as JsonObject), dsl: '1.0.0' };
  try {
    validate('Workflow', { ...source, document });
    return true;
  } catch {
    return false;
  }
}

/** What came after 1.0.0 (expressions as `set` and `wait`), and what we take more easily (`status`, no `version`). */
const LATER = /a: \{ (set|wait): "\$\{|status: "\$\{|name: triage, input/;

const DOCUMENT = { dsl: '1.0.3', namespace: 'n', name: 'n', version: '1.0.0' };

describe('the schema of the standard', () => {
  const texts = [...VALID_DEFINITIONS.filter((text) => !LATER.test(text)), ...TEMPLATES.map(({ yaml }) => yaml)];
  const sources = texts.map((text) => parseWorkflow(text).workflow?.source ?? {});

  it.each(sources.map((source, index) => [index, source]))('agrees that definition %d is right', (_index, source) => {
    expect(isStandard(source)).toBe(true);
  });

  it.each<[string, Json]>([
    ['an unknown property', [{ a: { wait: 'PT1S', colour: 'red' } }]],
    ['two tasks in one item', [{ a: { wait: 'PT1S' }, b: { wait: 'PT1S' } }]],
    ['a duration of words', [{ a: { wait: 'soon' } }]],
    ['a loop without a list', [{ a: { for: { each: 'x' }, do: [{ b: { wait: 'PT1S' } }] } }]],
    ['a try without catch', [{ a: { try: [{ b: { wait: 'PT1S' } }] } }]],
    ['an error without status', [{ a: { raise: { error: { type: 'https://example.com/e' } } } }]],
    ['an event without type', [{ a: { emit: { event: { with: { source: 'https://example.com' } } } } }]],
    ['an empty set', [{ a: { set: {} } }]],
    ['a case without then', [{ a: { switch: [{ b: { when: '.x' } }] } }]],
    ['two strategies at once', [{ a: { listen: { to: { one: { with: { type: 't' } }, all: [] } } } }]],
  ])('agrees that %s is wrong', (_name, tasks) => {
    const source = { document: DOCUMENT, do: tasks };
    expect(isStandard(source)).toBe(false);
    expect(parseWorkflow(source).faults.length).toBeGreaterThan(0);
  });
});
