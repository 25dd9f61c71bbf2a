import { setTimeout as sleep } from 'node:timers/promises';
import { Metrics } from '@mcp-router/platform';
import { openTestDatabase } from '@mcp-router/platform/testing';
import { MetricQuery, type Metric } from '@mcp-router/shared';
import { Deltas } from '../../apps/monitor/src/metrics/deltas';
import { MetricsService } from '../../apps/monitor/src/metrics/metrics.service';
import { MetricsStore } from '../../apps/monitor/src/metrics/metrics.store';
import { bucketOf } from '../../apps/monitor/src/metrics/tier';
import { MIGRATIONS } from '../../apps/monitor/src/migrations';
import { cpuMsOfTree } from '../mcp/processes.mjs';
import { postmasterOf } from './postmaster';
import type { Row } from './row';

const PER_SECOND = 10_000;
const TICK_MS = 10;
const COLLECT_MS = 10_000;
const TOOLS = 200;
const LABELS = ['mcp_method_name', 'server', 'gen_ai_tool_name', 'agent', 'error_type'];

/**
 * Records samples of 200 tools, and every ten seconds does what the monitor does with them: reads them over the bus's
 * JSON, takes the differences, stores and rolls up. CPU is that of this process, and beside it that of Postgres.
 */
export async function measureIngest(seconds: number): Promise<Row[]> {
  const { database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS });
  const postgres = await postmasterOf(database);
  const metrics = new Metrics();
  const duration = metrics.histogram('bench_seconds', 'Samples', LABELS);
  const store = new MetricsStore(database);
  await store.maintain();
  const deltas = new Deltas();
  const service = 'router';
  const collect = async (): Promise<void> => {
    const read = JSON.parse(JSON.stringify(metrics.read())) as Metric[];
    const at = bucketOf(Date.now() - COLLECT_MS / 2, COLLECT_MS);
    await store.write(deltas.take(at, [{ instance: 'bench', service, metrics: read }]));
    await store.rollUp();
  };
  await collect();
  const began = Date.now();
  const [cpuBefore, postgresBefore] = [process.cpuUsage(), cpuMsOfTree(postgres)];
  const startedAt = performance.now();
  let recorded = 0;
  let collecting: Promise<void> | undefined;
  let collectedAt = startedAt;
  for (let now = startedAt; now - startedAt < seconds * 1000; now = performance.now()) {
    for (const due = ((now - startedAt) / 1000) * PER_SECOND; recorded < due; recorded++) {
      const tool = recorded % TOOLS;
      duration
        .with('tools/call', `server${tool % 20}`, `tool_${tool}`, 'admin', '')
        .record(0.001 * Math.exp(Math.random() * 6));
    }
    if (now - collectedAt >= COLLECT_MS) {
      collectedAt = now;
      await collecting;
      collecting = collect();
    }
    await sleep(TICK_MS);
  }
  await collecting;
  const { user, system } = process.cpuUsage(cpuBefore);
  const ownCpu = (user + system) / 1000;
  // With backends that have ended: a pool closes those that it does not need.
  const postgresCpu = cpuMsOfTree(postgres) - postgresBefore;
  const elapsed = performance.now() - startedAt;
  // What was recorded since the last reading belongs to the next step.
  await sleep(COLLECT_MS - (Date.now() % COLLECT_MS) + COLLECT_MS / 2);
  await collect();
  const query = { name: 'bench_seconds', aggregate: 'count', from: iso(began - 60_000), to: iso(Date.now() + 60_000) };
  const answer = await new MetricsService(store).query(MetricQuery.parse({ ...query, stepSeconds: 3600 }));
  const stored = answer.series.flatMap(({ points }) => points).reduce((sum, [, n]) => sum + n, 0);
  await close();
  const share = (ms: number): number => (100 * ms) / elapsed;
  return [
    { what: `ingest: 10,000 samples/s for ${seconds} s, of one core`, value: share(ownCpu), unit: '%', atMost: 15 },
    { what: 'ingest: Postgres beside it', value: share(postgresCpu), unit: '%' },
    { what: 'ingest: samples not found afterwards', value: recorded - stored, unit: '', atMost: 0 },
  ];
}

const iso = (at: number): string => new Date(at).toISOString();
