import type { Bus } from '@mcp-router/platform';
import { SYSTEM_PRINCIPAL, type CallRecord, type Principal } from '@mcp-router/shared';
import { CallRecorder } from '../calls/call-recorder';
import { Catalogue } from '../catalogue/catalogue';
import { readList } from '../catalogue/list-reader';
import type { Quarantine } from '../quarantine/quarantine';
import { httpServer, type HttpServer } from '../testing/http-server';
import { ODD_SERVER } from '../testing/processes';
import { stdio, upstreamBench } from '../testing/upstream-bench';
import type { UpstreamRegistry } from '../upstreams/upstream-registry';
import { ToolsService } from './tools.service';

const NEVER = new AbortController().signal;

describe('tools called over REST and by workflows', () => {
  const bench = upstreamBench();
  const catalogue = new Catalogue();
  const records: CallRecord[] = [];
  let modern: HttpServer;
  let tools: ToolsService;
  const call = (tool: string, args: Record<string, unknown> = {}, principal: Principal = SYSTEM_PRINCIPAL) =>
    tools.call({ tool, arguments: args, principal, signal: NEVER, endpoint: 'rest' });

  beforeAll(async () => {
    const inputSchema = {
      type: 'object',
      properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
      required: ['region'],
    };
    modern = await httpServer('modern', ({ message, reply }) => {
      if (message.method === 'tools/list') {
        reply({
          resultType: 'complete',
          tools: [
            { name: 'place', inputSchema },
            { name: 'ask', inputSchema: {} },
          ],
        });
        return true;
      }
      if (message.params?.['name'] !== 'ask') return false;
      reply({ resultType: 'input_required', inputRequests: {} });
      return true;
    });
    const upstreams = new Map([
      ['odd', bench.open(stdio(ODD_SERVER), { slug: 'odd' })],
      ['modern', bench.open({ type: 'http', url: modern.url, headers: {} }, { slug: 'modern' })],
    ]);
    for (const [slug, upstream] of upstreams) catalogue.set(slug, { tools: (await readList(upstream, 'tools')).items });
    const bus = { record: (_: unknown, record: CallRecord) => records.push(record) } as unknown as Bus;
    const registry = { get: (slug: string) => upstreams.get(slug) } as unknown as UpstreamRegistry;
    tools = new ToolsService(catalogue, registry, new CallRecorder(bus), {
      isHeld: () => false,
    } as unknown as Quarantine);
  });
  afterAll(async () => {
    await bench.close();
    await modern.stop();
  });

  it('give their result, and each call is recorded once with what it was', async () => {
    expect(await call('odd__echo', { text: 'hi' })).toEqual({ content: [{ type: 'text', text: 'hi' }] });
    expect(records.at(-1)).toMatchObject({
      endpoint: 'rest',
      method: 'tools/call',
      server: 'odd',
      tool: 'odd__echo',
      outcome: 'ok',
      agent: 'system',
      argumentsHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it('of a server of 2026-07-28 get its envelope and the headers that it wants', async () => {
    expect(await call('modern__place', { region: 'eu' })).toMatchObject({ content: [{ text: 'done' }] });
    const { headers, message } = modern.seen.at(-1) ?? { headers: {}, message: {} };
    expect(headers).toMatchObject({ 'mcp-name': 'place', 'mcp-param-region': 'eu' });
    expect(message.params?.['_meta']).toMatchObject({ 'io.modelcontextprotocol/protocolVersion': '2026-07-28' });
  });

  it('are not called with arguments that do not fit; the record says why', async () => {
    const before = modern.seen.length;
    await expect(call('modern__place', { region: 7 })).rejects.toMatchObject({
      code: 'invalid_arguments',
      errors: [{ pointer: '/region', detail: 'must be string' }],
    });
    expect(modern.seen).toHaveLength(before);
    expect(records.at(-1)).toMatchObject({ outcome: 'error', errorCode: 'invalid_arguments', tool: 'modern__place' });
  });

  it('that an agent may not use are like unknown ones', async () => {
    const agent: Principal = {
      ...SYSTEM_PRINCIPAL,
      role: 'member',
      policy: { allow: ['odd__*'], deny: ['odd__crash'] },
    };
    for (const name of ['odd__crash', 'modern__place', 'odd__none'])
      await expect(call(name, {}, agent)).rejects.toMatchObject({ code: 'tool_not_found' });
    const names = tools.visible(agent).map(({ publicName }) => publicName);
    expect(names).toContain('odd__echo');
    expect(names).not.toContain('odd__crash');
  });

  it('that ask their caller something say that this is not possible here', async () => {
    await expect(call('modern__ask')).rejects.toMatchObject({ code: 'missing_capability' });
  });
});
