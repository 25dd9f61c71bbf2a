import type { JsonObject } from './definition/json';
import { parseWorkflow } from './definition/parse';
import { hintsOf, WORST } from './hints';
import { EMPTY_CATALOGUE, type CatalogueTool } from './validation/catalogue';

const tools: Record<string, CatalogueTool['annotations']> = {
  fx__read: { readOnlyHint: true, openWorldHint: false },
  fx__put: { destructiveHint: false, idempotentHint: true, openWorldHint: false },
  fx__silent: {},
};
const catalogue = {
  ...EMPTY_CATALOGUE,
  tool: (name: string) => (name in tools ? { inputSchema: {}, hash: '', annotations: tools[name] ?? {} } : undefined),
};
const hints = (...tasks: JsonObject[]) => {
  const document = { dsl: '1.0.3', namespace: 'a', name: 'b', version: '1.0.0' };
  const list = tasks.map((task, index) => ({ [`t${index}`]: task }));
  const { workflow } = parseWorkflow({ document, do: list });
  return workflow && hintsOf(workflow, catalogue);
};
const call = (name: string): JsonObject => ({ call: name, with: {} });
const http = (method: string): JsonObject => ({ call: 'http', with: { method, endpoint: 'https://e.com' } });

describe('what a workflow may do', () => {
  const harmless = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

  it('is nothing when it only computes, reads and asks', () => {
    expect(hints({ set: { a: 1 } }, call('fx__read'))).toEqual(harmless);
    expect(hints({ call: 'approve', with: { message: 'ok?' } })).toEqual(harmless);
  });

  it('is the worst of what its tools may do, however deep they are', () => {
    const put = { ...harmless, readOnlyHint: false };
    expect(hints(call('fx__read'), { fork: { branches: [{ b: { do: [{ c: call('fx__put') }] } }] } })).toEqual(put);
    expect(hints(call('fx__put'), { try: [{ x: call('fx__silent') }], catch: {} })).toEqual(WORST);
  });

  it('is taken as bad where it cannot be told', () => {
    expect(hints(call('fx__unknown'))).toEqual(WORST);
    expect(hints({ call: 'agent', with: { prompt: 'go', tools: ['fx__read'] } })).toEqual(WORST);
    expect(hints({ run: { workflow: { namespace: 'a', name: 'c', version: '1.0.0' } } })).toEqual(WORST);
    expect(hints(http('post'))).toEqual(WORST);
    expect(hints(http('${ .method }'))).toEqual(WORST);
    expect(hints(http('get'))).toEqual({ ...harmless, openWorldHint: true });
  });
});
