import { join } from 'node:path';
import { startSystem, type System } from '../system';
import { ROOT } from '../system/service';

const ODD_SERVER = join(ROOT, 'apps/router/src/testing/fixtures/odd-server.mjs');
const SECRET = 'hunter2-hunter2-hunter2';

describe('two routers under load', () => {
  let system: System;
  beforeAll(async () => {
    const odd = { command: process.execPath, args: [ODD_SERVER] };
    system = await startSystem({ routers: 2, discovery: 0, monitor: 0, analyzer: 0, config: { mcpServers: { odd } } });
    await system.untilReady('odd');
  });
  afterAll(() => system.stop());

  it('are restarted one after the other and no call fails, whether it was short or in flight', async () => {
    const faults: unknown[] = [];
    let calls = 0;
    let over = false;
    const caller = async (tool: string, args: object): Promise<void> => {
      while (!over) {
        const { status, body } = await system.api('POST', `/api/v1/tools/${tool}/call`, { arguments: args });
        calls++;
        if (status !== 200) faults.push({ tool, status, body });
      }
    };
    const load = [
      ...Array.from({ length: 6 }, () => caller('odd__count', {})),
      ...Array.from({ length: 4 }, () => caller('odd__slow', { ms: 300 })),
    ];
    try {
      for (const router of system.routers) await router.restart('SIGTERM');
    } finally {
      over = true;
      await Promise.allSettled(load);
    }
    expect(faults).toEqual([]);
    expect(calls).toBeGreaterThan(20);
  }, 120_000);

  it('never write or show a secret of a server, also not when it fails', async () => {
    const secret = { TOKEN: SECRET };
    const bodies = [
      { slug: 'good', command: process.execPath, args: [ODD_SERVER], env: secret },
      { slug: 'crashes', command: process.execPath, args: [ODD_SERVER, '--crash-at-start'], env: secret },
      { slug: 'missing', command: '/does/not/exist', env: secret },
      { slug: 'refuses', url: 'http://127.0.0.1:9/mcp', headers: { Authorization: `Bearer ${SECRET}` } },
    ];
    const shown: unknown[] = [];
    for (const body of bodies) shown.push((await system.api('POST', '/api/v1/servers', body)).body);
    await system.untilReady('good');
    shown.push(
      (await system.api('POST', '/api/v1/tools/good__log/call', { arguments: { text: `it is ${SECRET}` } })).body,
    );
    for (const { slug } of bodies)
      for (const path of [slug, `${slug}/logs`]) shown.push((await system.api('GET', `/api/v1/servers/${path}`)).body);
    shown.push((await system.api('PATCH', '/api/v1/servers/good', { env: { TOKEN: SECRET, bad: 7 } })).body);
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(system.services.map(({ log }) => log).join('')).not.toContain(SECRET);
  });
});
