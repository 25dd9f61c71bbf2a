import type { JsonObject } from './json';
import { parseWorkflow } from './parse';
import { DEFINITION_LIMITS, type DefinitionLimits } from './workflow';

const document = { dsl: '1.0.3', namespace: 'test', name: 'limits', version: '1.0.0' };
const set = { set: { n: 1 } };
const list = (count: number) => Array.from({ length: count }, (_, n) => ({ [`t${n}`]: set }));
const nested = (depth: number): JsonObject => (depth <= 1 ? set : { do: [{ inner: nested(depth - 1) }] });
const refusals = (tasks: JsonObject[], limits: Partial<DefinitionLimits> = {}) =>
  parseWorkflow({ document, do: tasks }, { limits }).faults.map(({ code }) => code);

describe('the limits of a definition', () => {
  it('are a mebibyte, 1,000 tasks, a depth of 32 and 50 branches', () => {
    expect(DEFINITION_LIMITS).toEqual({ maxBytes: 1_048_576, maxTasks: 1_000, maxDepth: 32, maxBranches: 50 });
    expect(refusals(list(1_000))).toEqual([]);
    expect(refusals(list(1_001))).toContain('WF106');
    expect(refusals([{ deep: nested(32) }])).toEqual([]);
    expect(refusals([{ deep: nested(33) }])).toContain('WF106');
    expect(refusals([{ wide: { fork: { branches: list(50) } } }])).toEqual([]);
    expect(refusals([{ wide: { fork: { branches: list(51) } } }])).toContain('WF106');
    expect(refusals([{ large: { set: { text: 'x'.repeat(1_048_576) } } }])).toContain('WF106');
  });

  it('are others where they are configured', () => {
    expect(refusals(list(5), { maxTasks: 4 })).toContain('WF106');
    expect(refusals(list(1_001), { maxTasks: 2_000 })).toEqual([]);
    expect(refusals([{ deep: nested(4) }], { maxDepth: 3 })).toContain('WF106');
    expect(refusals([{ wide: { fork: { branches: list(4) } } }], { maxBranches: 3 })).toContain('WF106');
    expect(refusals([{ large: { set: { text: 'x'.repeat(2_000) } } }], { maxBytes: 1_500 })).toContain('WF106');
  });
});
