import { SYSTEM_PRINCIPAL, type AppError } from '@mcp-router/shared';
import type { Caller, Exchange, Isolation, Upstream } from '../upstreams/upstream';
import { isWanted, levelIn, LogLevels } from './log-levels';

const callerOf = (agentId: string, sessionKey?: string): Caller => ({
  principal: { ...SYSTEM_PRINCIPAL, agentId, agent: agentId },
  ...(sessionKey !== undefined && { sessionKey }),
});
const [ann, ben] = [callerOf('ann', 'a1'), callerOf('ben', 'b1')];

/** A legacy server that logs, and what it was set to over whose connection. */
function server(isolation: Isolation, capabilities: object = { logging: {} }) {
  const set: string[] = [];
  const upstream = {
    slug: 's',
    isolation,
    info: { era: 'legacy', capabilities },
    exchange: ({ principal, sessionKey, message }: Exchange) => {
      const { params } = JSON.parse(message.text) as { params: { level: string } };
      set.push(`${principal.agentId} ${sessionKey ?? ''} ${params.level}`);
      return Promise.resolve('{"jsonrpc":"2.0","id":1,"result":{}}');
    },
  } as unknown as Upstream;
  return { upstream, set };
}

describe('the log level', () => {
  it('of a shared server is the lowest that anyone wants, and is asked for once', async () => {
    const { upstream, set } = server('shared');
    const levels = new LogLevels();
    for (const level of ['warning', 'error', 'warning', 'debug', 'info', 'loud', undefined])
      await levels.want(upstream, level, ann);
    const router = SYSTEM_PRINCIPAL.agentId;
    expect(set).toEqual([`${router}  warning`, `${router}  debug`]);
  });

  it('is set again on a new connection, to what those it serves want by then', async () => {
    const { upstream, set } = server('shared');
    const levels = new LogLevels();
    await levels.want(upstream, 'debug', ann);
    set.length = 0;
    await levels.renew(upstream, undefined, [undefined, 'error', 'notice']);
    expect(set).toEqual([`${SYSTEM_PRINCIPAL.agentId}  notice`]);
    await levels.renew(upstream, undefined, [undefined]);
    expect(set).toHaveLength(1);
  });

  it('of a connection that a session has to itself is that of the session, up and down, while it is open', async () => {
    const { upstream, set } = server('session');
    const levels = new LogLevels();
    await levels.want(upstream, 'debug', ann);
    expect(set).toEqual([]);
    await levels.renew(upstream, ann, ['debug']);
    await levels.want(upstream, 'error', ann);
    expect(set).toEqual(['ann a1 debug', 'ann a1 error']);
    levels.forget(upstream, ann);
    await levels.want(upstream, 'info', ann);
    expect(set).toHaveLength(2);
  });

  it('of connections for each agent are apart', async () => {
    const { upstream, set } = server('agent');
    const levels = new LogLevels();
    await levels.want(upstream, 'error', ann);
    await levels.want(upstream, 'warning', ben);
    await levels.want(upstream, 'error', ben);
    expect(set).toEqual(['ann a1 error', 'ben b1 warning']);
  });

  it('is not asked of servers that do not log', async () => {
    const { upstream, set } = server('shared', {});
    await new LogLevels().want(upstream, 'debug', ann);
    expect(set).toEqual([]);
  });

  it('of a modern request is one of the eight, or the request is refused', () => {
    expect(levelIn('"notice"')).toBe('notice');
    for (const text of ['"loud"', '7', 'null'])
      expect(() => levelIn(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }) as AppError);
    expect(isWanted('error', 'notice')).toBe(true);
    expect(isWanted('info', 'notice')).toBe(false);
  });
});
