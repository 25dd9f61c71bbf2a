import { readRpc, type RpcText } from '@mcp-router/shared';
import { negotiateOverPipe } from './handshake';

const DISCOVERED =
  '{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"resultType":"complete"}}';
const INITIALIZED =
  '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"x"}}}';
const REFUSED = '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}';

/** A server that answers each method after a while; one that is not named is never answered. */
async function negotiate(answers: Record<string, { afterMs: number; response: string }>) {
  const notified: (string | undefined)[] = [];
  const ask = ({ method }: RpcText) =>
    new Promise<string>((resolve) => {
      const answer = answers[method ?? ''];
      if (answer) setTimeout(() => resolve(answer.response), answer.afterMs);
    });
  const info = await negotiateOverPipe(ask, ({ text }) => notified.push(readRpc(text).method), '{}');
  return { era: info.era, notified };
}

it('takes a server that answers server/discover as one of the new era, without initialize', async () => {
  const server = { 'server/discover': { afterMs: 1, response: DISCOVERED } };
  await expect(negotiate(server)).resolves.toEqual({ era: 'modern', notified: [] });
});

it('takes a server that refuses server/discover as one of the old era', async () => {
  const server = {
    'server/discover': { afterMs: 1, response: REFUSED },
    initialize: { afterMs: 1, response: INITIALIZED },
  };
  await expect(negotiate(server)).resolves.toEqual({ era: 'legacy', notified: ['notifications/initialized'] });
});

it('takes a server of both eras that was slow to start as one of the old era, which initialize made it', async () => {
  const server = {
    'server/discover': { afterMs: 1_000, response: DISCOVERED },
    initialize: { afterMs: 310, response: INITIALIZED },
  };
  await expect(negotiate(server)).resolves.toEqual({ era: 'legacy', notified: ['notifications/initialized'] });
});

it('takes a server of the new era that was slow to start as one, though it refuses initialize', async () => {
  const server = {
    'server/discover': { afterMs: 1_000, response: DISCOVERED },
    initialize: { afterMs: 1, response: REFUSED },
  };
  await expect(negotiate(server)).resolves.toEqual({ era: 'modern', notified: [] });
});
