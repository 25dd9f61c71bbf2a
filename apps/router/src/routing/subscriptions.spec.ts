import { readRpc, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
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

  it('end at the server with the last who wants to know, over the connection they were made on', async () => {
    const { upstream, asked } = server('agent');
    const [subscriptions, ann] = [new Subscriptions(), subscriber()];
    await subscriptions.add(upstream, 'x://1', ann, callerOf('ann'));
    await subscriptions.remove(upstream, 'x://1', ann, callerOf('ann'));
    expect(asked.at(-1)).toBe('resources/unsubscribe ann');
    subscriptions.updated('s', updated('x://1'), 'ann');
    expect(ann.heard).toEqual([]);
  });
});
