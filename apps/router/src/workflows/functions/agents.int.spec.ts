import { metrics, Outbound } from '@mcp-router/platform';
import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import { until } from '@mcp-router/platform/testing';
import { Reaper } from '../../processes/reaper';
import { httpServer, type HttpServer } from '../../testing/http-server';
import { newMark, ODD_SERVER } from '../../testing/processes';
import type { JsonObject } from '../definition/json';
import { callAgent } from './a2a';
import { Authorizer } from './authorizer';
import { callInlineServer } from './inline-mcp';
import { InlineProcesses } from './inline-process';
import { askModel } from './llm';
import { ask } from './model';
import type { Sender } from './send-request';
import { jsonServer, type JsonServer } from './testing/json-server';

const CONFIGURATION = 'https://serverlessworkflow.io/spec/1.0.0/errors/configuration';
const RUNTIME = 'https://serverlessworkflow.io/spec/1.0.0/errors/runtime';
const VALIDATION = 'https://serverlessworkflow.io/spec/1.0.0/errors/validation';
const LIMITS = {
  CONNECT_TIMEOUT_MS: 60_000,
  CALL_TIMEOUT_MS: 60_000,
  TOTAL_TIMEOUT_MS: 60_000,
  MAX_CONCURRENCY: 10,
  MAX_INSTANCES: 2,
  MAX_QUEUED_CALLS: 10,
  MAX_MESSAGE_BYTES: 1_048_576,
};

describe('calls of agents, models and servers that a task names', () => {
  const outbound = new Outbound({ allow: ['loopback'] });
  let agent: JsonServer;
  let sender: Sender;
  const servers: HttpServer[] = [];
  beforeAll(async () => {
    agent = await jsonServer(({ url, body }, response) => {
      if (url === '/card-0.3') return { name: 'old', url: `${agent.url}/rpc` };
      if (url === '/card-1.0')
        return {
          supportedInterfaces: [
            { protocolBinding: 'JSONRPC', url: '/rpc' },
            { protocolBinding: 'GRPC', url: 'x' },
          ],
        };
      const { method, params } = JSON.parse(body) as { method: string; params: JsonObject };
      if (url === '/v1/chat/completions') {
        const call = { id: 'c1', type: 'function', function: { name: 'fx_odd_name_0', arguments: '{"a":1}' } };
        const usage = { prompt_tokens: 321, completion_tokens: 45, total_tokens: 366 };
        return { choices: [{ message: { role: 'assistant', content: null, tool_calls: [call] } }], usage };
      }
      if (method === 'tasks/get') return { jsonrpc: '2.0', id: 1, error: { code: -32001, message: 'Task not found' } };
      if (method !== 'message/stream') return { jsonrpc: '2.0', id: 1, result: { echo: params } };
      response.setHeader('content-type', 'text/event-stream');
      for (const n of [1, 2]) response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result: { n } })}\n\n`);
      return void response.end();
    });
    sender = { outbound, authorizer: new Authorizer(outbound), key: 'run:/do/0', signal: new AbortController().signal };
  });
  afterAll(async () => {
    await agent.stop();
    for (const server of servers) await server.stop();
    await outbound.close();
  });

  const a2a = (args: JsonObject) => callAgent({ server: `${agent.url}/rpc`, ...args }, sender);
  const send = { method: 'message/send', parameters: { message: { parts: [{ kind: 'text', text: 'hi' }] } } };

  it('find the agent by its address or by its card, old and new', async () => {
    const cards = ['/card-0.3', '/card-1.0'].map((path) => ({ agentCard: { endpoint: agent.url + path } }));
    for (const where of [{}, ...cards])
      expect(await a2a({ ...send, ...where })).toMatchObject({ echo: { message: { role: 'user' } } });
  });

  it('name a message the same when it is sent again', async () => {
    const [first, second] = [await a2a(send), await a2a(send)];
    expect(first).toEqual(second);
    expect(first).toMatchObject({
      echo: { message: { messageId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string } },
    });
  });

  it('put out all results of a stream, and fault with what the agent refuses', async () => {
    expect(await a2a({ ...send, method: 'message/stream' })).toEqual([{ n: 1 }, { n: 2 }]);
    await expect(a2a({ method: 'tasks/get' })).rejects.toMatchObject({ error: { type: RUNTIME, status: 500 } });
  });

  const reaper = new Reaper();
  afterAll(() => reaper.close());
  const processes = new InlineProcesses({ reaper }, LIMITS);
  const callServer = (args: JsonObject, written = args, signal = sender.signal) =>
    callInlineServer(args, written, { ...sender, signal, principal: SYSTEM_PRINCIPAL, processes }, LIMITS);
  const mcp = (server: HttpServer, args: JsonObject) =>
    callServer({ transport: { http: { endpoint: server.url, headers: { 'x-from': 'task' } } }, ...args });

  it('begin with `initialize` at an MCP server, and put out its result', async () => {
    const server = await httpServer('legacy');
    servers.push(server);
    const parameters = { name: 'do', arguments: { a: 1 } };
    const client = { name: 'my-workflow', version: '2.0' };
    expect(await mcp(server, { method: 'tools/call', parameters, client })).toEqual({
      content: [{ type: 'text', text: 'done' }],
    });
    const [hello, , call] = server.seen;
    expect(hello?.message).toMatchObject({
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', clientInfo: client },
    });
    expect([call?.message.method, call?.message.params, call?.headers['x-from']]).toEqual([
      'tools/call',
      parameters,
      'task',
    ]);
    expect(server.sessions.size).toBe(0);
  });

  it('speak the newest protocol when the task says so, and fault with what the server refuses', async () => {
    const server = await httpServer('modern');
    servers.push(server);
    const protocolVersion = '2026-07-28';
    expect(await mcp(server, { method: 'tools/call', protocolVersion, parameters: { name: 'do' } })).toMatchObject({
      content: [{ text: 'done' }],
    });
    await expect(mcp(server, { method: 'prompts/get', protocolVersion })).rejects.toMatchObject({
      error: { type: RUNTIME, status: 500 },
    });
  });

  describe('over stdio', () => {
    const mark = newMark();
    const stdio = (habits: string[], environment: JsonObject = {}) => ({
      transport: {
        stdio: {
          command: process.execPath,
          arguments: [ODD_SERVER, ...habits],
          environment: { ...mark.env, ...environment },
        },
      },
    });
    const call = (name: string, args: JsonObject = {}) => ({
      method: 'tools/call',
      parameters: { name, arguments: args },
    });
    const noneIsLeft = () => until(async () => (await mark.pids()).length === 0, 60_000);

    it('start the process for the one request, in an environment of its own, and leave nothing of it', async () => {
      const server = stdio(['--fork-away', '--ignore-term'], { TOKEN: 'from-the-task' });
      expect(await callServer({ ...server, ...call('env', { name: 'TOKEN' }) })).toMatchObject({
        content: [{ text: 'from-the-task' }],
      });
      const { content } = (await callServer({ ...server, ...call('names') })) as { content: { text: string }[] };
      expect(content[0]?.text.split(',')).not.toContain('DATABASE_URL');
      await noneIsLeft();
    });

    it('start what the definition says, whatever the run makes of it', async () => {
      const written = { ...stdio([]), ...call('echo', { text: '${ .text }' }) };
      const resolved = {
        ...call('echo', { text: 'hello' }),
        transport: { stdio: { command: '/bin/false', arguments: [], environment: mark.env } },
      };
      expect(await callServer(resolved, written)).toMatchObject({ content: [{ text: 'hello' }] });
      const computed = { ...written, transport: { stdio: { command: 'node', arguments: '${ .args }' } } };
      await expect(callServer(resolved, computed)).rejects.toMatchObject({ error: { type: CONFIGURATION } });
    });

    it('fault with the last words of a process that cannot start', async () => {
      await expect(callServer({ ...stdio(['--crash-at-start']), ...call('pid') })).rejects.toMatchObject({
        code: 'upstream_unavailable',
        detail: expect.stringContaining('the disk is on fire') as string,
      });
      await noneIsLeft();
    });

    it('are cancelled with their process, also those that wait for a place', async () => {
      const cancel = new AbortController();
      const hangs = Array.from({ length: 4 }, () => {
        const args = { ...stdio([]), ...call('hang') };
        return callServer(args, args, cancel.signal);
      });
      const ended = Promise.allSettled(hangs);
      await until(async () => (await mark.pids()).length === LIMITS.MAX_INSTANCES, 60_000);
      cancel.abort();
      expect((await ended).map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
      await noneIsLeft();
    });
  });

  it('send an answer that does not match its schema back to the model, once, with what is wrong', async () => {
    const schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } };
    const answers = ['no JSON', '{"n":4}', '{"n":"x"}', '{"n":"y"}', '{"n":5}'];
    const model = await jsonServer(() => ({ choices: [{ message: { role: 'assistant', content: answers.shift() } }] }));
    const settings = { LLM_URL: `${model.url}/v1`, LLM_MODEL: 'm' };
    const askFor = () => askModel(outbound, settings, { prompt: 'A number', schema }, sender.signal);
    expect(await askFor()).toEqual({ n: 4 });
    const { messages } = JSON.parse(model.seen.at(-1)?.body ?? '') as { messages: { role: string; content: string }[] };
    expect(messages.slice(-2)).toMatchObject([
      { role: 'assistant', content: 'no JSON' },
      { role: 'user', content: expect.stringContaining('not valid') as string },
    ]);
    await expect(askFor()).rejects.toMatchObject({ error: { type: VALIDATION, status: 400 } });
    expect(model.seen).toHaveLength(4);
    await model.stop();
  });

  it('offer tools to a model under names that it takes, and know them again', async () => {
    const tools = [{ name: 'fx.odd name', description: 'd', inputSchema: { type: 'object' }, isReadOnly: true }];
    const messages = [
      { role: 'user', content: 'go' },
      { role: 'assistant', content: '', calls: [{ id: 'c0', tool: 'fx.odd name', arguments: {} }] },
      { role: 'tool', call: 'c0', content: 'said' },
    ];
    const settings = { LLM_URL: `${agent.url}/v1`, LLM_MODEL: 'm', LLM_API_KEY: 'k' };
    expect(await ask(outbound, settings, { messages, tools }, sender.signal)).toEqual({
      text: '',
      calls: [{ id: 'c1', tool: 'fx.odd name', arguments: { a: 1 } }],
    });
    const measured = (name: string) => metrics.read().find((metric) => metric.name === name)?.samples;
    expect(measured('gen_ai_client_token_usage')).toMatchObject([
      { labels: ['m', 'input'], histogram: { count: 1, sum: 321 } },
      { labels: ['m', 'output'], histogram: { count: 1, sum: 45 } },
    ]);
    expect(measured('gen_ai_client_operation_duration_seconds')).toMatchObject([{ labels: ['m', ''] }]);
    expect(JSON.parse(agent.seen.at(-1)?.body ?? '')).toMatchObject({
      model: 'm',
      tools: [{ type: 'function', function: { name: 'fx_odd_name_0', parameters: { type: 'object' } } }],
      messages: [{}, { tool_calls: [{ id: 'c0', function: { name: 'fx_odd_name_0' } }] }, { tool_call_id: 'c0' }],
    });
  });
});
