import { promptly, startSystem, type System } from './system';

interface Flag {
  enabled: boolean;
  default: boolean;
  overridden: boolean;
}

describe('feature flags', () => {
  let system: System;
  beforeAll(async () => {
    const everything = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
    system = await startSystem({
      gateways: 2,
      routers: 2,
      discovery: 0,
      monitor: 0,
      analyzer: 0,
      config: { mcpServers: { everything: { command: process.execPath, args: [everything, 'stdio'] } } },
    });
    await system.untilReady('everything');
  });
  afterAll(() => system.stop());

  it('reach every replica within a second, and go back to their default', async () => {
    const read = async () =>
      Promise.all(
        system.gateways.map(async ({ url }) => {
          const response = await fetch(`${url}/api/v1/flags/LEGACY_SSE`, {
            headers: { authorization: `Bearer ${system.key}` },
          });
          return (await response.json()) as Flag;
        }),
      );
    expect((await system.api<Flag>('PUT', '/api/v1/flags/LEGACY_SSE', { enabled: true })).body).toMatchObject({
      enabled: true,
      overridden: true,
    });
    await promptly(async () => (await read()).every(({ enabled }) => enabled), 1_000);
    expect((await system.api<Flag>('DELETE', '/api/v1/flags/LEGACY_SSE')).body).toMatchObject({
      enabled: false,
      overridden: false,
    });
    await promptly(async () => (await read()).every(({ enabled }) => !enabled), 1_000);
  });

  it('switch what they name in processes that only heard of them', async () => {
    const call = async () => {
      const { body } = await system.api<{ code?: string }>('POST', '/api/v1/tools/everything__echo/call', {
        arguments: { message: 'x' },
      });
      return body.code ?? 'answered';
    };
    const calls = () => Promise.all(Array.from({ length: 6 }, call));
    expect(new Set(await calls())).toEqual(new Set(['answered']));
    await system.api('PUT', '/api/v1/flags/ROUTER_SERVICES', { enabled: false });
    await promptly(async () => (await calls()).every((code) => code === 'maintenance'), 1_000);
    await system.api('DELETE', '/api/v1/flags/ROUTER_SERVICES');
    await promptly(async () => (await calls()).every((code) => code === 'answered'), 1_000);
  });

  it('refuse a name that is not in the table, and a setting that is no switch', async () => {
    expect(
      (await system.api<{ code: string; hint: string }>('PUT', '/api/v1/flags/NOPE', { enabled: true })).body,
    ).toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('ROUTER_SERVICES'),
    });
    expect((await system.api<{ code: string }>('PUT', '/api/v1/flags/LEGACY_SSE', { enabled: 'yes' })).body.code).toBe(
      'invalid_request',
    );
  });
});
