import { eventually, startSystem, type System } from './system';

interface Flag {
  enabled: boolean;
  default: boolean;
  overridden: boolean;
}

describe('feature flags', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, routers: 2, discovery: 0, monitor: 0, analyzer: 0 });
  });
  afterAll(() => system.stop());


  it('reach every replica within a second, and go back to their default', async () => {
    const read = async () =>
      Promise.all(
        system.gateways.map(async ({ url }) => {
          const response = await fetch(`${url}/api/v1/flags/LEGACY_SSE`, { headers: { authorization: `Bearer ${system.key}` } });
          return (await response.json()) as Flag;
        }),
      );
    expect((await system.api<Flag>('PUT', '/api/v1/flags/LEGACY_SSE', { enabled: true })).body).toMatchObject({ enabled: true, overridden: true });
    await eventually(async () => (await read()).every(({ enabled }) => enabled), 1_000);
    expect((await system.api<Flag>('DELETE', '/api/v1/flags/LEGACY_SSE')).body).toMatchObject({ enabled: false, overridden: false });
    await eventually(async () => (await read()).every(({ enabled }) => !enabled), 1_000);
  });

  it('switch what they name in processes that only heard of them', async () => {
    const calls = () =>
      Promise.all(
        Array.from({ length: 6 }, async () => (await system.api<{ code?: string }>('POST', '/api/v1/tools/none__none/call', { arguments: {} })).body.code),
      );
    expect(new Set(await calls())).toEqual(new Set(['tool_not_found']));
    await system.api('PUT', '/api/v1/flags/ROUTER_SERVICES', { enabled: false });
    await eventually(async () => (await calls()).every((code) => code === 'maintenance'), 1_000);
    await system.api('DELETE', '/api/v1/flags/ROUTER_SERVICES');
    await eventually(async () => (await calls()).every((code) => code === 'tool_not_found'), 1_000);
  });

  it('refuse a name that is not in the table, and a setting that is no switch', async () => {
    expect((await system.api<{ code: string; hint: string }>('PUT', '/api/v1/flags/NOPE', { enabled: true })).body).toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('ROUTER_SERVICES'),
    });
    expect((await system.api<{ code: string }>('PUT', '/api/v1/flags/LEGACY_SSE', { enabled: 'yes' })).body.code).toBe('invalid_request');
  });
});
