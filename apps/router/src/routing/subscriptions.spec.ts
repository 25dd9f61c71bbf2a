import { readRpc, SYSTEM_PRINCIPAL, type AppError } from '@mcp-router/shared';
import type { Caller, Exchange, Isolation, Upstream } from '../upstreams/upstream';
import { Subscriptions } from './subscriptions';

const callerOf = (agentId: string): Caller => ({ principal: { ...SYSTEM_PRINCIPAL, agentId, agent: agentId } });
const updated = (uri: string) =>
  readRpc(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${uri}"}}`);

/** A legacy server that takes every subscription, and whose connection each was asked over. */
function server(isolation: Isolation) {
  const asked: string[] = [];
  const upstream = {
    slug: 's',
    isolation,
    info: { era: 'legacy' },
    exchange: ({ principal, message }: Exchange) => {
      asked.push(`${message.method} ${principal.agentId}`);
      return Promise.resolve('{"jsonrpc":"2.0","id":1,"result":{}}');
    },
  } as unknown as Upstream;
  return { upstream, asked };
}

function subscriber() {
  const heard: string[] = [];
  return { heard, updated: (notification: string) => heard.push(notification) };
}

describe('subscriptions to a resource', () => {
  const system = SYSTEM_PRINCIPAL.agentId;

  it('of a shared server are one at the server, and all hear of it', async () => {
    const { upstream, asked } = server('shared');
    const [subscriptions, ann, ben] = [new Subscriptions(), subscriber(), subscriber()];
    await subscriptions.add(upstream, 'x://1', ann, callerOf('ann'));
    await subscriptions.add(upstream, 'x://1', ben, callerOf('ben'));
    expect(asked).toEqual([`resources/subscribe ${system}`]);
    subscriptions.updated('s', updated('x://1'));
    subscriptions.updated('s', updated('x://2'));
    expect([ann.heard.length, ben.heard.length]).toEqual([1, 1]);
  });

  it('of a server with a connection for each agent are told to the agent whose connection it is', async () => {
    const { upstream, asked } = server('agent');
    const [subscriptions, ann, ben] = [new Subscriptions(), subscriber(), subscriber()];
    await subscriptions.add(upstream, 'x://1', ann, callerOf('ann'));
    await subscriptions.add(upstream, 'x://1', ben, callerOf('ben'));
    expect(asked).toEqual(['resources/subscribe ann', 'resources/subscribe ben']);
    subscriptions.updated('s', updated('x://1'), 'ann');
    expect([ann.heard.length, ben.heard.length]).toEqual([1, 0]);
  });

  it('are made again on the connection they belong to, and on no other', async () => {
    const { upstream, asked } = server('agent');
    const subscriptions = new Subscriptions();
    await subscriptions.add(upstream, 'x://1', subscriber(), callerOf('ann'));
    await subscriptions.add(upstream, 'x://1', subscriber(), callerOf('ben'));
    asked.length = 0;
    subscriptions.renew(upstream, undefined);
    subscriptions.renew(upstream, callerOf('ben'));
    expect(asked).toEqual(['resources/subscribe ben']);

    const shared = server('shared');
    await subscriptions.add(shared.upstream, 'x://1', subscriber(), callerOf('ann'));
    subscriptions.renew(shared.upstream, undefined);
    expect(shared.asked).toEqual([`resources/subscribe ${system}`, `resources/subscribe ${system}`]);
  });

  it('are refused with the words of the server, also to those who asked at the same time', async () => {
    const refusal = { code: -32002, message: 'No such resource', data: { uri: 'x://1' } };
    const upstream = {
      ...server('shared').upstream,
      exchange: () => Promise.resolve(JSON.stringify({ jsonrpc: '2.0', id: 1, error: refusal })),
    } as unknown as Upstream;
    const subscriptions = new Subscriptions();
    const add = () =>
      subscriptions.add(upstream, 'x://1', subscriber(), callerOf('ann')).catch((error: unknown) => error as AppError);
    const thrown = await Promise.all([add(), add()]);
    expect(thrown.map((error) => error?.toJsonRpc())).toEqual([refusal, refusal]);
  });

  it('of a modern server are made again when their stream ends, at once on a new connection', async () => {
    jest.useFakeTimers();
    const ends: ((answer?: string) => void)[] = [];
    const upstream = {
      slug: 's',
      isolation: 'shared',
      info: { era: 'modern' },
      openSubscription: ({ signal }: Exchange) =>
        new Promise<string>((resolve, reject) => {
          ends.push((answer) => (answer === undefined ? reject(new Error('lost')) : resolve(answer)));
          signal.addEventListener('abort', () => reject(new Error('over')), { once: true });
        }),
    } as unknown as Upstream;
    const [subscriptions, ann] = [new Subscriptions(), subscriber()];
    try {
      await subscriptions.add(upstream, 'x://1', ann, callerOf('ann'));
      expect(ends).toHaveLength(1);
      ends[0]?.();
      await jest.advanceTimersByTimeAsync(4_000);
      expect(ends).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(2_000);
      expect(ends).toHaveLength(2);
      ends[1]?.();
      await jest.advanceTimersByTimeAsync(0);
      subscriptions.renew(upstream, undefined);
      await jest.advanceTimersByTimeAsync(0);
      expect(ends).toHaveLength(3);
      // The connection is heard of first, and then the end of the stream on the old one.
      subscriptions.renew(upstream, undefined);
      ends[2]?.();
      await jest.advanceTimersByTimeAsync(0);
      expect(ends).toHaveLength(4);
      await subscriptions.remove('x://1', ann, callerOf('ann'));
      await jest.advanceTimersByTimeAsync(60_000);
      expect(ends).toHaveLength(4);
    } finally {
      jest.useRealTimers();
    }
  });

  it('end at the server with the last who wants to know, over the connection they were made on', async () => {
    const { upstream, asked } = server('agent');
    const [subscriptions, ann] = [new Subscriptions(), subscriber()];
    await subscriptions.add(upstream, 'x://1', ann, callerOf('ann'));
    await subscriptions.remove('x://1', ann, callerOf('ann'));
    expect(asked.at(-1)).toBe('resources/unsubscribe ann');
    subscriptions.updated('s', updated('x://1'), 'ann');
    expect(ann.heard).toEqual([]);
  });
});
