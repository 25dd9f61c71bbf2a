import { readRpc, SYSTEM_PRINCIPAL, type AppError, type Principal, type RpcText } from '@mcp-router/shared';
import type { ModernCall } from '../routing/call';
import type { ServerHandle } from '../upstreams/upstream';
import { envelopeOf } from './envelope';
import { Parking } from './parking';

const capabilities = '"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{}}';

function call(
  extra = '',
  over: Partial<{ principal: Principal; args: string; meta: string }> = {},
): ModernCall & { seen: string[]; abort: AbortController } {
  const abort = new AbortController();
  const seen: string[] = [];
  const { args = '{"b":1,"a":2}', meta = capabilities, principal = SYSTEM_PRINCIPAL } = over;
  const request = readRpc(
    `{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t","arguments":${args},"_meta":{${meta}}${extra}}}`,
  );
  return {
    era: 'modern',
    upstreamMs: 0,
    session: undefined,
    request,
    id: '"x"',
    method: 'tools/call',
    endpoint: undefined,
    principal,
    context: {} as never,
    signal: abort.signal,
    headers: undefined,
    envelope: envelopeOf(request),
    take: (message) => void seen.push(message.text),
    seen,
    abort,
  };
}

/** A legacy server that asks `questions` at once and answers when all are answered. */
class Asker {
  readonly answers: string[] = [];
  signal: AbortSignal | undefined;

  constructor(private readonly questions: string[]) {}

  readonly send = (
    onMessage: (message: RpcText, server: ServerHandle) => void,
    signal: AbortSignal,
  ): Promise<string> => {
    this.signal = signal;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('cancelled')));
      const server: ServerHandle = {
        respond: (answer) => {
          if (this.answers.push(answer) === this.questions.length)
            resolve('{"jsonrpc":"2.0","id":"x","result":{"content":[]}}');
        },
        notify: () => undefined,
      };
      for (const question of this.questions) onMessage(readRpc(question), server);
    });
  };
}

const elicit =
  '{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{"message":"who?","_meta":{"progressToken":1,"v":2}}}';
const sample = '{"jsonrpc":"2.0","id":8,"method":"sampling/createMessage","params":{"messages":[]}}';
const refused = expect.objectContaining({ code: 'invalid_request' }) as AppError;

interface InputRequired {
  result: {
    resultType: string;
    inputRequests: Record<string, { method: string; params: object }>;
    requestState: string;
  };
}

describe('a call that waits for its client', () => {
  let parking: Parking;
  beforeEach(() => {
    parking = new Parking('router-1', { ttlMs: 60_000, maxParked: 10 });
  });
  afterEach(() => parking.close());
  const park = async (server: Asker) => JSON.parse(await parking.start(call(), server.send)) as InputRequired;
  const retry = (state: string, responses: string, over = {}) =>
    call(`,"requestState":"${state}","inputResponses":${responses}`, over);

  it('asks all its questions at once and goes on with the answers', async () => {
    const server = new Asker([elicit, sample]);
    const { result } = await park(server);
    expect(result.resultType).toBe('input_required');
    expect(Object.entries(result.inputRequests)).toEqual([
      ['elicitation_1', { method: 'elicitation/create', params: { message: 'who?', _meta: { v: 2 } } }],
      ['sampling_2', { method: 'sampling/createMessage', params: { messages: [] } }],
    ]);
    const again = retry(
      result.requestState,
      '{"elicitation_1":{"action":"accept"},"sampling_2":{"n":1.10},"other":{}}',
    );
    expect(Parking.isRetry(again)).toBe(true);
    expect(await parking.resume(again)).toBe(
      '{"jsonrpc":"2.0","id":"x","result":{"resultType":"complete","content":[]}}',
    );
    expect(server.answers).toEqual([
      '{"jsonrpc":"2.0","id":7,"result":{"action":"accept"}}',
      '{"jsonrpc":"2.0","id":8,"result":{"n":1.10}}',
    ]);
  });

  it('asks again for what is missing, with a new state', async () => {
    const { result } = await park(new Asker([elicit, sample]));
    const second = JSON.parse(await parking.resume(retry(result.requestState, '{"sampling_2":{}}'))) as InputRequired;
    expect(Object.keys(second.result.inputRequests)).toEqual(['elicitation_1']);
    expect(() => parking.resume(retry(result.requestState, '{}'))).toThrow(refused);
    expect(await parking.resume(retry(second.result.requestState, '{"elicitation_1":{}}'))).toContain('complete');
  });

  it('takes the same arguments in another order, and no others', async () => {
    const { result } = await park(new Asker([elicit]));
    const answers = '{"elicitation_1":{}}';
    const stranger = { ...SYSTEM_PRINCIPAL, agentId: 'stranger' };
    expect(() => parking.resume(retry(result.requestState, answers, { args: '{"a":3,"b":1}' }))).toThrow(refused);
    expect(() => parking.resume(retry(result.requestState, answers, { principal: stranger }))).toThrow(refused);
    expect(() => parking.resume(retry(`${result.requestState.slice(0, -1)}_`, answers))).toThrow(refused);
    expect(await parking.resume(retry(result.requestState, answers, { args: '{ "a":2, "b":1 }' }))).toContain(
      'complete',
    );
  });

  it('asks a client to visit the pages that a server refuses without', async () => {
    const error =
      '{"code":-32042,"message":"first","data":{"elicitations":[{"mode":"url","url":"https://a.example","message":"go"}]}}';
    const send = () => Promise.resolve(`{"jsonrpc":"2.0","id":"x","error":${error}}`);
    const able = call('', { meta: '"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"url":{}}}' });
    const { result } = JSON.parse(await parking.start(able, send)) as InputRequired;
    expect(result).toEqual({
      resultType: 'input_required',
      inputRequests: {
        elicitation_1: {
          method: 'elicitation/create',
          params: { mode: 'url', url: 'https://a.example', message: 'go' },
        },
      },
    });
    await expect(parking.start(call(), send)).rejects.toMatchObject({ code: 'missing_capability' });
  });

  it('is not ended by the end of the exchange that it parked in, but by that of the one it works in', async () => {
    const server = new Asker([elicit]);
    const first = call();
    await parking.start(first, server.send);
    first.abort.abort();
    expect(server.signal?.aborted).toBe(false);
    const silent = new Asker([]);
    const second = call();
    const outcome = parking.start(second, silent.send);
    second.abort.abort();
    await expect(outcome).rejects.toThrow('cancelled');
  });

  it('is refused to a client that cannot be asked, and the server is told', async () => {
    const server = new Asker([elicit, sample]);
    const poor = call('', { meta: '"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}' });
    await expect(parking.start(poor, server.send)).rejects.toMatchObject({
      code: 'missing_capability',
      data: { requiredCapabilities: { sampling: {} } },
    });
    expect(server.answers).toHaveLength(2);
    expect(server.signal?.aborted).toBe(true);
  });

  it('does without roots where the client has none', async () => {
    const server = new Asker(['{"jsonrpc":"2.0","id":1,"method":"roots/list"}']);
    expect(await parking.start(call(), server.send)).toContain('complete');
    expect(server.answers[0]).toContain('-32601');
  });

  it('ends when its client takes too long', async () => {
    parking = new Parking('router-1', { ttlMs: 20, maxParked: 10 });
    const server = new Asker([elicit]);
    const { result } = await park(server);
    const { signal } = server;
    if (!signal?.aborted) await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    expect(() => parking.resume(retry(result.requestState, '{}'))).toThrow(refused);
  });
});
