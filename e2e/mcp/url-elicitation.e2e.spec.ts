import { eventually, startSystem, type System } from '../system';
import { mirrorUpstream } from './mirror';
import { gather, post, RawSession, readEvents, type JsonRpc } from './raw-client';

const CAN_VISIT = { elicitation: { url: {} } };
const COMPLETE = 'notifications/elicitation/complete';
const VERSION = '2026-07-28';

describe('a server that sends the user to a page', () => {
  let system: System;
  const streams = new AbortController();
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, discovery: 0, monitor: 0, analyzer: 0 });
    await system.addServer({ slug: 'shared', ...mirrorUpstream() });
    await system.addServer({ slug: 'own', ...mirrorUpstream(), isolation: 'session' });
    await system.addServer({ slug: 'agents', ...mirrorUpstream(), isolation: 'agent' });
  });
  afterAll(async () => {
    streams.abort();
    await system.stop();
  });

  /** A session with its own stream, and what came on it. */
  async function listening(slug: string): Promise<{ session: RawSession; seen: JsonRpc[] }> {
    const session = await RawSession.open(`${system.url}/mcp/${slug}`, '2025-11-25', CAN_VISIT);
    return { session, seen: gather(await session.listen(streams.signal)) };
  }

  const completed = (seen: JsonRpc[]) =>
    seen.filter(({ method }) => method === COMPLETE).map(({ params }) => params?.['elicitationId']);

  /** Calls a tool that asks, answers the question as the user does, and gives back what was asked and the result. */
  async function visit(session: RawSession, page: string): Promise<{ question: JsonRpc; result: JsonRpc }> {
    const call = { jsonrpc: '2.0', id: page, method: 'tools/call', params: { name: 'visit', arguments: { page } } };
    const response = await fetch(session.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...session.headers,
      },
      body: JSON.stringify(call),
    });
    let question: JsonRpc | undefined;
    for await (const { data } of readEvents(response)) {
      if (data === '') continue;
      const message = JSON.parse(data) as JsonRpc;
      if (message.method === undefined) return { question: question ?? {}, result: message };
      question = message;
      await session.post(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { action: 'accept' } }));
    }
    throw new Error('the call had no end');
  }

  it.each(['shared', 'own', 'agents'])(
    'asks with the page and its id untouched, and tells that it is done to the session that was asked (%s)',
    async (slug) => {
      const asked = await listening(slug);
      const other = await listening(slug);
      const page = `page-${slug}`;
      const { question, result } = await visit(asked.session, page);
      expect(question).toMatchObject({
        method: 'elicitation/create',
        params: { mode: 'url', url: `https://pages.example/${page}`, elicitationId: page },
      });
      expect(result.result).toEqual({ content: [{ type: 'text', text: 'accept' }] });
      await asked.session.call('done', { page });
      await eventually(() => completed(asked.seen).includes(page));
      // What is told after it has come, and nothing of it.
      const { result: late } = await visit(other.session, `${page}-other`);
      expect(late).toBeDefined();
      await other.session.call('done', { page: `${page}-other` });
      await eventually(() => completed(other.seen).length > 0);
      expect(completed(other.seen)).toEqual([`${page}-other`]);
      expect(completed(asked.seen)).toEqual([page]);
    },
  );

  it('refuses a call until the user has been there, and tells the session that got the refusal when that is so', async () => {
    const refused = await listening('shared');
    const other = await listening('shared');
    const { error } = await refused.session.call('visit-first', { page: 'terms' });
    expect(error).toMatchObject({ code: -32042, data: { elicitations: [{ mode: 'url', elicitationId: 'terms' }] } });
    await other.session.call('done', { page: 'terms' });
    await eventually(() => completed(refused.seen).includes('terms'));
    expect(completed(other.seen)).toEqual([]);
  });

  it('asks a client of the new era in the answer to its call, and goes on when it comes back', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': VERSION,
      'io.modelcontextprotocol/clientCapabilities': CAN_VISIT,
    };
    const call = async (more: object): Promise<JsonRpc> => {
      const params = { name: 'visit', arguments: { page: 'modern' }, _meta: meta, ...more };
      const { texts } = await post(
        `${system.url}/mcp/shared`,
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
        { 'mcp-protocol-version': VERSION, 'mcp-method': 'tools/call', 'mcp-name': 'visit' },
      );
      return JSON.parse(texts.at(-1) ?? '{}') as JsonRpc;
    };
    const first = (await call({})).result ?? {};
    expect(first['resultType']).toBe('input_required');
    const [[key, question] = ['', undefined]] = Object.entries(first['inputRequests'] as Record<string, JsonRpc>);
    expect(question?.params).toMatchObject({ mode: 'url', url: 'https://pages.example/modern' });
    const inputResponses = { [key]: { action: 'accept' } };
    const second = await call({ inputResponses, requestState: first['requestState'] });
    expect(second.result).toMatchObject({ content: [{ type: 'text', text: 'accept' }] });
  });
});
