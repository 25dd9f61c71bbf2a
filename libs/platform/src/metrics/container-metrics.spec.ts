import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureContainer } from './container-metrics';
import { measureDependencies } from './dependency-metrics';
import { Metrics } from './metrics';

const values = (metrics: Metrics): Record<string, number | undefined> =>
  Object.fromEntries(
    metrics
      .read()
      .flatMap(({ name, samples }) => samples.map(({ labels, value }) => [[name, ...labels].join(' '), value])),
  );

describe('the control group', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'cgroup-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is measured as it is when it is read', () => {
    writeFileSync(join(folder, 'memory.current'), '1048576\n');
    writeFileSync(join(folder, 'memory.max'), '4194304\n');
    const metrics = new Metrics();
    measureContainer(metrics, folder);
    writeFileSync(join(folder, 'cpu.stat'), 'usage_usec 2500000\nuser_usec 1\nnr_periods 3\nthrottled_usec 500000\n');
    expect(values(metrics)).toEqual({
      container_memory_usage_bytes: 1_048_576,
      container_memory_limit_bytes: 4_194_304,
      container_cpu_time_seconds_total: 2.5,
      container_cpu_throttled_seconds_total: 0.5,
    });
  });

  it('has no limit where the system says "max", and no series at all where there is none', () => {
    const metrics = new Metrics();
    measureContainer(metrics, folder);
    expect(metrics.read()).toEqual([]);
    writeFileSync(join(folder, 'memory.current'), '1');
    writeFileSync(join(folder, 'memory.max'), 'max\n');
    measureContainer(metrics, folder);
    expect(Object.keys(values(metrics))).not.toContain('container_memory_limit_bytes');
  });
});

it('what a process depends on is timed, and counted when it does not answer', async () => {
  const metrics = new Metrics();
  const stop = measureDependencies(metrics, {
    pool: { totalCount: 5, idleCount: 3, waitingCount: 7 },
    probes: { postgres: () => Promise.resolve(), redis: () => Promise.reject(new Error('gone')) },
    recordsDropped: () => 11,
  });
  await new Promise(setImmediate);
  stop();
  expect(values(metrics)).toMatchObject({
    'mcp_router_dependency_failures_total redis': 1,
    'mcp_router_postgres_connections idle': 3,
    'mcp_router_postgres_connections used': 2,
    mcp_router_postgres_pool_waiting: 7,
    mcp_router_records_dropped_total: 11,
  });
  const latency = metrics.read().find(({ name }) => name === 'mcp_router_dependency_latency_seconds');
  expect(latency?.samples).toMatchObject([{ labels: ['postgres'], histogram: { count: 1 } }]);
});
