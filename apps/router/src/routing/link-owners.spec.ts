import type { Redis } from 'ioredis';
import { SYSTEM_PRINCIPAL, type Principal } from '@mcp-router/shared';
import { LinkOwners } from './link-owners';

const other: Principal = { ...SYSTEM_PRINCIPAL, agentId: 'other' };
const answer = (result: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, result });
const link = (uri: unknown) => ({ type: 'resource_link', uri, name: 'n' });

/** As much of Redis as is used, shared by the routers of a test. */
function memoryRedis(): Redis {
  const values = new Map<string, string>();
  const pipeline = {
    set: (key: string, value: string) => void values.set(key, value),
    exec: () => Promise.resolve([]),
  };
  return {
    pipeline: () => pipeline,
    get: (key: string) => Promise.resolve(values.get(key) ?? null),
  } as unknown as Redis;
}

describe('links in results', () => {
  it('tell whose a resource is, to the agent that got them, at every router', async () => {
    const redis = memoryRedis();
    const [here, there] = [new LinkOwners(redis, 'p:'), new LinkOwners(redis, 'p:')];
    here.learn(answer({ content: [{ type: 'text', text: 'x' }, link('x://1')] }), 'a', SYSTEM_PRINCIPAL);
    here.learn(answer({ messages: [{ role: 'user', content: link('x://2') }] }), 'b', SYSTEM_PRINCIPAL);
    expect([here.known('x://1', SYSTEM_PRINCIPAL), here.known('x://2', SYSTEM_PRINCIPAL)]).toEqual(['a', 'b']);
    expect(there.known('x://1', SYSTEM_PRINCIPAL)).toBeUndefined();
    expect(await there.find('x://1', SYSTEM_PRINCIPAL)).toBe('a');
    expect(await there.find('x://1', other)).toBeUndefined();
  });

  it('are not looked for in what is none, or too long', async () => {
    const owners = new LinkOwners(memoryRedis(), '');
    const texts = [
      answer({ content: [link(7), { type: 'text', text: '"resource_link"', uri: 'x://1' }] }),
      answer({ content: 'resource_link' }),
      answer({ structuredContent: [link('x://1')] }),
      answer({ content: [{ type: 'text', text: 'x'.repeat(300_000) }, link('x://1')] }),
      '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"resource_link"}}',
    ];
    for (const text of texts) owners.learn(text, 'a', SYSTEM_PRINCIPAL);
    expect(await owners.find('x://1', SYSTEM_PRINCIPAL)).toBeUndefined();
  });
});
