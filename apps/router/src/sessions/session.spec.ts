import { SYSTEM_PRINCIPAL, type McpReply } from '@mcp-router/shared';
import type { EventLog } from './event-log';
import { Session } from './session';

const client = { version: '2025-11-25', capabilities: '{}', clientInfo: undefined };

describe('the own stream of a session', () => {
  it('does not tell a client that comes back that it is further than it is', async () => {
    const kept: { number: number; body: string }[] = [];
    const log = {
      append: (_: string, number: number, body: string) => void kept.push({ number, body }),
      after: (_: string, number: number) => Promise.resolve(kept.filter((event) => event.number > number)),
    } as unknown as EventLog;
    const session = new Session('router-1.s', SYSTEM_PRINCIPAL, undefined, client, log);
    const idsOf = async (lastEventId?: string) => {
      const replies: McpReply[] = [];
      await session.listen({ send: (reply) => void replies.push(reply), end: () => undefined }, lastEventId);
      return replies.map(({ eventId }) => eventId);
    };
    expect(await idsOf()).toEqual(['sse.0']);
    for (const body of ['a', 'b', 'c']) session.notify(body);
    expect(await idsOf('sse.1')).toEqual(['sse.1', 'sse.2', 'sse.3']);
    expect(await idsOf()).toEqual(['sse.3']);
  });
});
