import type { Bus } from '@mcp-router/platform';
import { parseRpc, SYSTEM_PRINCIPAL, type RpcText } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import type { JsonObject } from './definition/json';
import { WORST } from './hints';
import { toolHash } from './live-catalogue';
import type { VersionRow, VersionStore } from './version-store';
import { WorkflowUpstream } from './workflow-upstream';

const READ = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const schema = { type: 'object', properties: { n: { type: 'integer' } } };
const TOOL = '{"name":"read"}';

function version(name: string, rest: Partial<VersionRow> = {}): VersionRow {
  const document = { dsl: '1.0.3', namespace: 'a', name, version: '1.0.0' };
  const at = new Date(0);
  return {
    id: name,
    namespace: 'a',
    name,
    version: '1.0.0',
    status: 'published',
    definition: { document, output: { schema: { document: schema } } },
    tools: { fx__read: toolHash(TOOL) },
    hints: READ,
    created_at: at,
    updated_at: at,
    published_at: at,
    ...rest,
  };
}

/** An upstream over some versions; `runs` is what a started run is, each time it is asked. */
function upstreamOf(versions: VersionRow[], runs: JsonObject[] = [], tool = TOOL) {
  const asked: JsonObject[] = [];
  const bus = {
    call: (_: unknown, input: JsonObject) => {
      asked.push(input);
      return Promise.resolve(runs.length > 1 ? runs.shift() : runs[0]);
    },
  } as unknown as Bus;
  const store = { list: () => Promise.resolve(versions) } as unknown as VersionStore;
  const catalogue = { find: () => ({ text: tool }) } as unknown as Catalogue;
  const upstream = new WorkflowUpstream(bus, store, catalogue);
  const heard: RpcText[] = [];
  const ask = async (method: string, params: JsonObject = {}) => {
    const answer = await upstream.exchange({
      message: parseRpc(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
      principal: SYSTEM_PRINCIPAL,
      signal: new AbortController().signal,
      onMessage: (message) => void heard.push(message),
    });
    return (JSON.parse(answer) as { result: JsonObject }).result;
  };
  return { upstream, ask, heard, asked };
}
const ended = { id: 'r1', state: 'completed', endedAt: 'now', output: { n: 1 }, tasks: [] };

describe('a published workflow as a tool', () => {
  it('says what it puts out and what it may do, as it was when it was published', async () => {
    const { ask } = upstreamOf([version('one')]);
    expect(await ask('tools/list')).toMatchObject({
      tools: [{ name: 'one', outputSchema: schema, annotations: READ }],
    });
  });

  it('may do anything when nothing is known, or one of its tools is another one by now', async () => {
    const { ask } = upstreamOf([version('one')], [], '{"name":"read","description":"another"}');
    expect(await ask('tools/list')).toMatchObject({ tools: [{ annotations: WORST }] });
    const unknown = upstreamOf([version('one', { hints: null })]);
    expect(await unknown.ask('tools/list')).toMatchObject({ tools: [{ annotations: WORST }] });
  });

  it('gives its output, and passes on the key of a workflow that calls it', async () => {
    const { ask, asked } = upstreamOf([version('one')], [ended]);
    const params = { name: 'one', arguments: { a: 1 }, _meta: { 'mcp-router/idempotency-key': 'run:/do/0' } };
    expect(await ask('tools/call', params)).toMatchObject({ structuredContent: { n: 1 } });
    expect(asked[0]).toMatchObject({ name: 'one', input: { a: 1 }, idempotencyKey: 'run:/do/0' });
  });

  it('tells of each task that ends to whom asks for progress', async () => {
    const task = (n: number) => ({ pointer: `/do/${n}/t`, endedAt: 'now' });
    const running = { ...ended, state: 'running', endedAt: null };
    const runs = [running, { ...running, tasks: [task(0)] }, { ...ended, tasks: [task(0), task(1)] }];
    const { ask, heard } = upstreamOf([version('one')], runs);
    await ask('tools/call', { name: 'one', arguments: {}, _meta: { progressToken: 'p' } });
    expect(heard.map(({ text }) => JSON.parse(text) as unknown)).toMatchObject([
      { method: 'notifications/progress', params: { progressToken: 'p', progress: 1, message: '/do/0/t has ended' } },
      { params: { progress: 2 } },
    ]);
  });

  it('does not break the promise of its output schema while its run waits', async () => {
    const waiting = { ...ended, state: 'waiting', endedAt: null, output: null };
    const { ask } = upstreamOf([version('one')], [waiting]);
    const result = await ask('tools/call', { name: 'one', arguments: {} });
    expect(result).toMatchObject({ isError: true });
    expect(result).not.toHaveProperty('structuredContent');
    const free = upstreamOf([version('two', { definition: { document: {} } })], [waiting]);
    expect(await free.ask('tools/call', { name: 'two', arguments: {} })).toMatchObject({ isError: false });
  });

  it('says that the list is another one only when it is', async () => {
    const versions = [version('one')];
    const { upstream, ask } = upstreamOf(versions);
    let changes = 0;
    upstream.onUnsolicited(() => {
      changes++;
      return undefined;
    });
    await ask('tools/list');
    await upstream.reconsider();
    expect(changes).toBe(0);
    versions.push(version('two'));
    await upstream.reconsider();
    expect(changes).toBe(1);
  });
});
