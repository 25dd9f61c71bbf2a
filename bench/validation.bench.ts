// Validation of workflows and evaluation of their expressions: `npm run bench -- validation`.
import { parse, stringify } from 'yaml';
import type { JsonObject } from '../apps/router/src/workflows/definition/json';
import { compileExpression } from '../apps/router/src/workflows/expressions/expression';
import { Expressions } from '../apps/router/src/workflows/expressions/evaluate';
import type { CatalogueTool, ValidationCatalogue } from '../apps/router/src/workflows/validation/catalogue';
import { validateWorkflow } from '../apps/router/src/workflows/validation/validate';

const TOOLS = 500;
const tools = new Map(
  Array.from({ length: TOOLS }, (_, index): [string, CatalogueTool] => [
    `server${index % 20}__tool${index}`,
    {
      inputSchema: {
        type: 'object',
        properties: {
          owner: { type: 'string' },
          repo: { type: 'string' },
          number: { type: 'integer', minimum: 1 },
          labels: { type: 'array', items: { type: 'string' } },
        },
        required: ['owner', 'repo', 'number'],
        additionalProperties: false,
      },
      outputSchema: {
        type: 'object',
        properties: { title: { type: 'string' }, count: { type: 'integer' } },
        required: ['count'],
      },
      annotations: { readOnlyHint: true },
      hash: `h${index}`,
    },
  ]),
);
const names = [...tools.keys()];
const catalogue: ValidationCatalogue = {
  tool: (name) => tools.get(name),
  toolNames: () => names,
  workflow: () => undefined,
};

/** A definition of so many tasks, inner ones counted: calls with literals and with expressions, data, branches, loops. */
function definition(count: number): JsonObject {
  const tasks: JsonObject[] = [];
  for (let made = 0; made < count;) {
    const [name, tool] = [`task${made}`, names[(made * 7) % TOOLS] ?? ''];
    const kind = tasks.length % 5;
    made += kind === 4 ? 2 : 1;
    if (kind === 0)
      tasks.push({ [name]: { call: tool, with: { owner: 'a', repo: '${ .repo }', number: '${ .count + 1 }' } } });
    else if (kind === 1)
      tasks.push({
        [name]: { set: { repo: '${ .title // "none" }', count: 1, rows: '${ [.rows[]? | select(.v > 3)] }' } },
      });
    else if (kind === 2)
      tasks.push({
        [name]: { switch: [{ one: { when: '.count == 1', then: 'continue' } }, { other: { then: 'continue' } }] },
      });
    else if (kind === 3) tasks.push({ [name]: { call: tool, with: { owner: 'a', repo: 'b', number: 3 } } });
    else
      tasks.push({
        [name]: {
          for: { in: '[range(3)]' },
          do: [{ inner: { set: { repo: '${ $item | tostring }', count: '${ $index }' } } }],
        },
      });
  }
  return { document: { dsl: '1.0.3', namespace: 'bench', name: 'bench', version: '1.0.0' }, do: tasks };
}

/** Median, least and 95th percentile of the time of one call, in the unit given. */
function measure(run: () => void, times: number, unit = 1): { p50: string; min: string; p95: string } {
  const taken = Array.from({ length: times }, () => {
    const started = performance.now();
    run();
    return (performance.now() - started) * unit;
  }).sort((a, b) => a - b);
  const at = (share: number): string => (taken[Math.floor(share * (taken.length - 1))] ?? 0).toFixed(2);
  return { p50: at(0.5), min: at(0), p95: at(0.95) };
}

const rows: Record<string, { p50: string; min: string; p95: string; target?: string }> = {};
for (const [count, target] of [
  [100, '≤ 10 ms'],
  [1_000, '≤ 100 ms'],
] as const) {
  const object = definition(count);
  const { diagnostics } = validateWorkflow(object, catalogue);
  if (diagnostics.length > 0)
    throw new Error(`The definition of the benchmark is not clean: ${JSON.stringify(diagnostics[0])}`);
  const [json, yaml] = [JSON.stringify(object), stringify(object)];
  rows[`${count} tasks × ${TOOLS} tools, ms`] = {
    ...measure(() => void validateWorkflow(object, catalogue), 50),
    target,
  };
  rows[`${count} tasks from JSON text, ms`] = measure(() => void validateWorkflow(json, catalogue), 20);
  rows[`${count} tasks from YAML text, ms`] = measure(() => void validateWorkflow(yaml, catalogue), 10);
  rows[`— of which reading the YAML of ${count} tasks, ms`] = measure(() => void parse(yaml), 10);
}

const expressions = new Expressions();
const data = { a: { b: 1 }, c: 3, rows: Array.from({ length: 20 }, (_, v) => ({ v })) };
const BATCH = 1_000;
for (const text of ['.a.b', '.a.b == 1 and .c > 2', '{ x: .a.b, y: [.c] }', '[.rows[] | select(.v > 10)]']) {
  const expression = compileExpression(text);
  const batch = (): void => {
    for (let index = 0; index < BATCH; index++) void expressions.evaluate(expression, {}, data);
  };
  measure(batch, 20);
  rows[`${text}, µs`] = measure(batch, 50, 1_000 / BATCH);
}
console.table(rows);
void expressions.close();
