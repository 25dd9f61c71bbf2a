import { readRpc, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { EventLog } from '../sessions/event-log';
import { Session } from '../sessions/session';
import type { ServerHandle } from '../upstreams/upstream';
import { questionFor, withdrawnFor } from './server-question';

interface Message {
  id?: unknown;
  params?: { _meta?: { progressToken?: unknown }; requestId?: unknown };
}

function asked() {
  const client = { version: '2025-11-25', capabilities: '{"elicitation":{}}', clientInfo: undefined };
  const session = new Session('s', SYSTEM_PRINCIPAL, undefined, client, {} as EventLog);
  const answers: string[] = [];
  const notify = (): void => undefined;
  /** Each message comes with a handle of its own. */
  const handle = (): ServerHandle => ({ respond: (response) => void answers.push(response), notify });
  const ask = (id: unknown, method = 'elicitation/create'): Message | undefined => {
    const params = { message: 'x', _meta: { progressToken: id } };
    const question = questionFor(session, readRpc(JSON.stringify({ jsonrpc: '2.0', id, method, params })), handle());
    return question === undefined ? undefined : (JSON.parse(question) as Message);
  };
  const cancel = (id: unknown, from = handle()): Message | undefined => {
    const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } };
    const text = withdrawnFor(session, readRpc(JSON.stringify(message)), from);
    return text === undefined ? undefined : (JSON.parse(text) as Message);
  };
  return { session, answers, ask, cancel };
}

describe('a question of a server to a client', () => {
  it('has an id of the session’s, as its progress token too, by which it is taken back', () => {
    const { ask, cancel } = asked();
    const [first, second] = [ask(1), ask('1')];
    expect(first?.id).not.toBe(second?.id);
    expect(first?.params?._meta?.progressToken).toBe(first?.id);
    expect(cancel('1')?.params?.requestId).toBe(second?.id);
    expect([cancel('1'), cancel(7)]).toEqual([undefined, undefined]);
    const another: ServerHandle = { respond: () => undefined, notify: () => undefined };
    expect(cancel(1, another)).toBeUndefined();
    expect(cancel(1)?.params?.requestId).toBe(first?.id);
  });

  it('is refused where the client cannot be asked that', () => {
    const { ask, answers } = asked();
    expect(ask(1, 'sampling/createMessage')).toBeUndefined();
    expect(answers).toEqual([expect.stringContaining('sampling') as string]);
  });

  it('is refused when a great many came after it and it is not answered', () => {
    const { ask, answers, session } = asked();
    const first = String(ask(0)?.id);
    for (let id = 1; id < 300; id++) ask(id);
    expect(answers.length).toBeGreaterThan(0);
    expect((JSON.parse(answers[0] ?? '') as Message).id).toBe(0);
    expect(session.question(JSON.stringify(first))).toBeUndefined();
    expect(answers.length).toBeLessThan(100);
  });
});
