import { getEventListeners } from 'node:events';
import type { Bus } from '@mcp-router/platform';
import { DiscoveryEnv } from '../config';
import { HealthService } from './health.service';
import type { HealthStore } from './health.store';

it('leaves nothing behind of the pauses between the tries of a probe', async () => {
  const failed = { ok: false, state: 'unreachable', error: { code: 'refused', detail: 'nobody is there' } };
  let probes = 0;
  const bus = { call: () => Promise.resolve((probes++, failed)) } as unknown as Bus;
  const store = { apply: () => Promise.resolve(undefined) } as unknown as HealthStore;
  const env = DiscoveryEnv.parse({ DATABASE_URL: 'postgres://unused', REDIS_URL: 'redis://unused' });
  const health = new HealthService(bus, store, env);
  const { signal } = (health as unknown as { stopping: AbortController }).stopping;
  await Promise.all([health.check('a'), health.check('b')]);
  expect(probes).toBe(6);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
