import { readRpc, type RpcText } from '@mcp-router/shared';
import { negotiateOverPipe } from './handshake';
import type { EraMemory } from './upstream';

const DISCOVERED =
  '{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}}';
const INITIALIZED =
  '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"x"}}}';
const REFUSED = '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}';

/** A server that answers each method after a while; one that is not named is never answered. */
async function negotiate(
  answers: Record<string, { afterMs: number; response: string }>,
  memory: Partial<EraMemory> = {},
) {
  const asked: (string | undefined)[] = [];
  let onLate!: () => void;
  const late = new Promise<'late'>((resolve) => (onLate = () => resolve('late')));
  const notified: (string | undefined)[] = [];
  const ask = ({ method }: RpcText) =>
    new Promise<string>((resolve) => {
      asked.push(method);
      const answer = answers[method ?? ''];
      if (answer) setTimeout(() => resolve(answer.response), answer.afterMs);
    });
  const info = await negotiateOverPipe(ask, ({ text }) => notified.push(readRpc(text).method), {
    capabilities: '{}',
    memory: { known: undefined, diesOfProbe: false, ...memory },
    onLateModern: onLate,
  });
  return { era: info.era, notified, asked, late };
}

it('takes a server that answers server/discover as one of the new era, without initialize', async () => {
  const server = { 'server/discover': { afterMs: 1, response: DISCOVERED } };
  await expect(negotiate(server)).resolves.toMatchObject({ era: 'modern', notified: [] });
});

it('takes a server that refuses server/discover as one of the old era', async () => {
  const server = {
    'server/discover': { afterMs: 1, response: REFUSED },
    initialize: { afterMs: 1, response: INITIALIZED },
  };
  await expect(negotiate(server)).resolves.toMatchObject({ era: 'legacy', notified: ['notifications/initialized'] });
});

it('takes a server of both eras that was slow to start as one of the old era, which initialize made it', async () => {
  const server = {
    'server/discover': { afterMs: 1_000, response: DISCOVERED },
    initialize: { afterMs: 310, response: INITIALIZED },
  };
  const { era, notified, late } = await negotiate(server);
  expect({ era, notified }).toEqual({ era: 'legacy', notified: ['notifications/initialized'] });
  // What it said in the end is told, for the next connection.
  await expect(late).resolves.toBe('late');
});

it('waits for the answer of a server that is known to be of the new era, and still takes a refusal', async () => {
  const slow = { 'server/discover': { afterMs: 1_000, response: DISCOVERED } };
  await expect(negotiate(slow, { known: 'modern' })).resolves.toMatchObject({
    era: 'modern',
    asked: ['server/discover'],
  });
  const other = {
    'server/discover': { afterMs: 1, response: REFUSED },
    initialize: { afterMs: 1, response: INITIALIZED },
  };
  await expect(negotiate(other, { known: 'modern' })).resolves.toMatchObject({ era: 'legacy' });
});

it('asks nothing but initialize of a server that ends on anything else', async () => {
  const server = { initialize: { afterMs: 1, response: INITIALIZED } };
  await expect(negotiate(server, { diesOfProbe: true })).resolves.toMatchObject({
    era: 'legacy',
    asked: ['initialize'],
  });
});

it('takes a server of the new era that was slow to start as one, though it refuses initialize', async () => {
  const server = {
    'server/discover': { afterMs: 1_000, response: DISCOVERED },
    initialize: { afterMs: 1, response: REFUSED },
  };
  await expect(negotiate(server)).resolves.toMatchObject({ era: 'modern', notified: [] });
});
