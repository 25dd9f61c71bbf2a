import { openTestDatabase, until } from '@mcp-router/platform/testing';
import { AppError, type Server, type ServerProbe } from '@mcp-router/shared';
import pino from 'pino';
import type { DataSource } from 'typeorm';
import { DiscoveryEnv } from '../config';
import { MIGRATIONS } from '../migrations';
import { fakeServer } from '../testing/discovery';
import { FakeBus } from '../testing/fake-bus';
import { HealthSchedule } from './health.schedule';
import { HealthService } from './health.service';
import { HealthStore } from './health.store';
import { TrafficWatch } from './traffic-watch';

const env = DiscoveryEnv.parse({ DATABASE_URL: 'unused', PROBE_INTERVAL_SECONDS: 3600 });
const counts = { tools: 2, resources: 0, resourceTemplates: 0, prompts: 1 };
const good: ServerProbe = {
  ok: true,
  state: 'ready',
  era: 'modern',
  protocolVersion: '2026-07-28',
  latencyMs: 1.5,
  counts,
  error: null,
};
const down: ServerProbe = {
  ...good,
  ok: false,
  state: 'unreachable',
  latencyMs: null,
  error: { code: 'upstream_unavailable', detail: 'connection refused' },
};

let database: DataSource;
let close: () => Promise<void>;
let store: HealthStore;

beforeAll(async () => {
  ({ database, close } = await openTestDatabase({ schema: 'discovery', entities: [], migrations: MIGRATIONS }));
  store = new HealthStore(database);
});
afterAll(() => close());
beforeEach(async () => {
  await database.query('TRUNCATE discovery.server_health, discovery.health_sample');
});

/** A router with these servers, whose probes answer what `probes` says, and a health service beside it. */
function setup(probes: Record<string, ServerProbe>) {
  const bus = new FakeBus({
    'router.listServers': () => ({ items: Object.keys(probes).map(server), nextCursor: null }),
    'router.probeServer': ({ server }: { server: string }) => probes[server],
  });
  return { bus, health: new HealthService(bus, store, env) };
}

const server = (slug: string): Server => fakeServer({ slug, counts });

const watch = (...slugs: string[]) =>
  store.replaceServers(
    slugs.map((slug) => ({ slug, id: `id-${slug}` })),
    Date.now(),
  );
const probesOf = (bus: FakeBus) => bus.calls.filter(({ pattern }) => pattern === 'router.probeServer');

it('shows what a probe saw', async () => {
  const { health } = setup({ a: good });
  await watch('a');
  await health.check('a');
  expect(await health.get('a')).toMatchObject({
    server: 'a',
    state: 'healthy',
    routerState: 'ready',
    era: 'modern',
    protocolVersion: '2026-07-28',
    latencyMs: 1.5,
    counts,
    lastError: null,
  });
  expect(await health.get('id-a')).toMatchObject({ server: 'a' });
});

it('calls a server unhealthy after three failed probes, tells so once, and takes it back', async () => {
  const probes = { a: good };
  const { bus, health } = setup(probes);
  await watch('a');
  await health.check('a');
  probes.a = down;
  for (let i = 0; i < 4; i++) await health.check('a');
  expect(await health.get('a')).toMatchObject({
    state: 'unhealthy',
    consecutiveFailures: 4,
    lastError: down.error,
    counts,
  });
  probes.a = good;
  await health.check('a');
  await health.check('a');
  expect(await health.get('a')).toMatchObject({ state: 'healthy', lastError: null });
  expect(bus.records.map(({ payload }) => (payload as { to: string }).to)).toEqual([
    'healthy',
    'degraded',
    'unhealthy',
    'healthy',
  ]);
  const { items, nextCursor } = await health.samples('a', undefined, 5);
  const rest = await health.samples('a', nextCursor ?? '', 5);
  expect([...items, ...rest.items].map(({ ok }) => ok)).toEqual([true, true, false, false, false, false, true]);
});

it('knows nothing of a server that is disabled or asleep, and does not call it down', async () => {
  const { health } = setup({ a: { ...down, state: 'stopped' } });
  await watch('a');
  for (let i = 0; i < 4; i++) await health.check('a');
  expect(await health.get('a')).toMatchObject({ state: 'unknown', routerState: 'stopped', consecutiveFailures: 0 });
});

it('blames no server when the router is away', async () => {
  const { bus, health } = setup({ a: good });
  await watch('a');
  bus.answers['router.probeServer'] = () => {
    throw new AppError('no_instance', 'no router');
  };
  await health.check('a');
  expect(await health.get('a')).toMatchObject({ state: 'unknown', lastCheckedAt: null });
});

it('lets good calls stand in for a probe, and brings the next one forward after a failed call', async () => {
  const { health } = setup({ a: good });
  await watch('a');
  await health.check('a');
  await health.noteTraffic('a', { ok: 0, failed: 1 });
  expect(Date.parse((await health.get('a')).nextProbeAt ?? '')).toBeLessThanOrEqual(Date.now());
  await health.noteTraffic('a', { ok: 3, failed: 0 });
  expect(Date.parse((await health.get('a')).nextProbeAt ?? '')).toBeGreaterThan(Date.now() + 60_000);
});

it('starts anew when a slug is given to another server, and forgets one that is gone', async () => {
  const { health } = setup({ a: good, b: good });
  await watch('a', 'b');
  await health.check('a');
  await store.replaceServers([{ slug: 'a', id: 'another' }], Date.now());
  expect(await health.get('a')).toMatchObject({ state: 'unknown', era: null, lastCheckedAt: null });
  await expect(health.get('b')).rejects.toMatchObject({ code: 'server_not_found' });
});

it('probes each registered server once at the start, though two replicas watch, and again after a change', async () => {
  const probes: Record<string, ServerProbe> = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`s${String(i).padStart(2, '0')}`, good]),
  );
  const { bus, health } = setup(probes);
  const replicas = [1, 2].map(() => new HealthSchedule(bus, store, health, env, pino({ level: 'silent' })));
  for (const replica of replicas) replica.onApplicationBootstrap();
  try {
    await until(async () => (await health.list(undefined, 100, 'healthy')).items.length === 40);
    expect(probesOf(bus)).toHaveLength(40);
    probes['new'] = good;
    await bus.broadcast({ event: 'router.serverChanged', payload: {} as never }, { slug: 'new' } as never);
    await until(async () => (await health.list(undefined, 100, 'healthy')).items.length === 41);
    expect(probesOf(bus)).toHaveLength(41);
  } finally {
    await Promise.all(replicas.map((replica) => replica.onApplicationShutdown()));
  }
});

it('lists page by page', async () => {
  const { health } = setup({});
  await watch('a', 'b', 'c');
  const first = await health.list(undefined, 2, undefined);
  const second = await health.list(first.nextCursor ?? '', 2, undefined);
  expect([...first.items, ...second.items].map(({ server }) => server)).toEqual(['a', 'b', 'c']);
  expect(second.nextCursor).toBeNull();
});

it('probes a server at once after one failed call, and not for a call that the tool or the caller spoiled', async () => {
  const { bus, health } = setup({ a: good });
  await watch('a');
  await health.check('a');
  const traffic = new TrafficWatch(bus, health, pino({ level: 'silent' }));
  const isDue = async () => Date.parse((await health.get('a')).nextProbeAt ?? '') <= Date.now();
  const durationMs = 30;
  await traffic.take([
    { server: 'a', outcome: 'tool_error', durationMs, upstreamMs: 20 },
    { server: 'a', outcome: 'error', errorCode: '-32602', durationMs },
    { server: 'a', outcome: 'denied', durationMs },
  ]);
  expect(await isDue()).toBe(false);
  const failure = { server: 'a', outcome: 'error' as const, errorCode: '-31504', durationMs };
  await traffic.take([failure]);
  expect(await isDue()).toBe(true);
  await traffic.flush();
  expect(await isDue()).toBe(false);
  // The history tells it, and is not filled with it.
  for (let i = 0; i < 5; i++) await traffic.take([failure]);
  const { items } = await health.samples('a', undefined, 10);
  expect(items.map(({ via, ok, latencyMs, error }) => [via, ok, latencyMs, error?.code])).toEqual([
    ['traffic', false, null, '-31504'],
    ['traffic', true, 20, undefined],
    ['traffic', false, null, '-31504'],
    ['probe', true, good.latencyMs, undefined],
  ]);
});
