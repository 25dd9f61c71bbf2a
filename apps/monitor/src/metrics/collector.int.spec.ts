import { Metrics } from '@mcp-router/platform';
import { openTestDatabase } from '@mcp-router/platform/testing';
import { AppError, MetricQuery, type Metric } from '@mcp-router/shared';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { MIGRATIONS } from '../migrations';
import { Collector } from './collector';
import { MetricsService } from './metrics.service';
import { MetricsStore } from './metrics.store';

const STEP = 10_000;

describe('what the instances of services measure', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let store: MetricsStore;
  let collector: Collector;
  let instances: Map<string, Metrics>;
  /** Instances that do not answer. */
  let silent: Set<string>;
  /** The end of a step, some steps ago: what is asked for lies in the past. */
  let begin: number;

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    store = new MetricsStore(database);
    [instances, silent] = [new Map(), new Set()];
    begin = Math.floor(Date.now() / STEP) * STEP - 60 * STEP;
    const bus = {
      instances: (service: string) => [...instances.keys()].filter((id) => id.startsWith(service)),
      call: (_: unknown, __: unknown, { instance }: { instance: string }): Promise<Metric[]> =>
        silent.has(instance)
          ? Promise.reject(new AppError('instance_lost', instance))
          : Promise.resolve(structuredClone(instances.get(instance)?.read() ?? [])),
    };
    collector = new Collector(bus as never, store, database, pino({ level: 'silent' }));
  });
  afterEach(() => close());

  const start = (instance: string): Metrics => {
    const own = new Metrics();
    instances.set(instance, own);
    return own;
  };
  const count = (of: Metrics, n: number): void => {
    of.counter('calls_total', 'Calls').with().add(n);
    for (let i = 0; i < n; i++) of.histogram('took_seconds', 'Time').with().record(0.5);
  };
  /** What is stored, by the number of the step. */
  const stored = async (name: string, aggregate: string, stepSeconds = 10): Promise<Record<number, number>> => {
    const query = MetricQuery.parse({
      ...{ name, aggregate, stepSeconds },
      from: new Date(begin - 60 * STEP).toISOString(),
      to: new Date(begin + 60 * STEP).toISOString(),
    });
    const { series } = await new MetricsService(store).query(query);
    return Object.fromEntries((series[0]?.points ?? []).map(([at, value]) => [(at * 1000 - begin) / STEP, value]));
  };

  it('is stored in the step in which it happened, and rolled up', async () => {
    const router = start('router-1');
    await collector.collect(begin + 100);
    count(router, 7);
    await collector.collect(begin + STEP + 100);
    count(router, 2);
    await collector.collect(begin + 2 * STEP + 100);
    expect(await stored('calls_total', 'sum')).toEqual({ 0: 7, 1: 2 });
    expect(await stored('took_seconds', 'count')).toEqual({ 0: 7, 1: 2 });
    expect(Object.values(await stored('calls_total', 'sum', 3600)).reduce((sum, n) => sum + n, 0)).toBe(9);
  });

  it('is stored with the next step when it could not be, and no more than once', async () => {
    const router = start('router-1');
    await collector.collect(begin + 100);
    count(router, 7);
    await database.query('ALTER TABLE monitor.metric_10s RENAME TO away');
    await expect(collector.collect(begin + STEP + 100)).rejects.toThrow();
    count(router, 2);
    await expect(collector.collect(begin + 2 * STEP + 100)).rejects.toThrow();
    await database.query('ALTER TABLE monitor.away RENAME TO metric_10s');
    count(router, 1);
    await collector.collect(begin + 3 * STEP + 100);
    await collector.collect(begin + 4 * STEP + 100);
    expect(await stored('calls_total', 'sum')).toEqual({ 2: 10 });
    expect(await stored('took_seconds', 'count')).toEqual({ 2: 10 });
  });

  it('is stored though partitions cannot be made, which is tried again', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    await database.query(`CREATE TABLE monitor.metric_1h_${tomorrow} ()`);
    const router = start('router-1');
    await collector.collect(begin + 100);
    count(router, 7);
    await collector.collect(begin + STEP + 100);
    expect(await stored('calls_total', 'sum')).toEqual({ 0: 7 });
    await database.query(`DROP TABLE monitor.metric_1h_${tomorrow}`);
    await collector.collect(begin + 2 * STEP + 100);
    const [made] = await database.query(`SELECT to_regclass('monitor.metric_1h_${tomorrow}') AS made`);
    expect(made).toMatchObject({ made: `monitor.metric_1h_${tomorrow}` });
  });

  it('is added to what is there when the clock was set back', async () => {
    const router = start('router-1');
    await collector.collect(begin + 100);
    count(router, 7);
    await collector.collect(begin + STEP + 100);
    count(router, 3);
    await collector.collect(begin + 2 * STEP + 100);
    // Twenty seconds back: these steps come again.
    count(router, 5);
    await collector.collect(begin + 100 + STEP);
    count(router, 4);
    await collector.collect(begin + 100 + 2 * STEP);
    expect(await stored('calls_total', 'sum')).toEqual({ 0: 12, 1: 7 });
    expect(await stored('took_seconds', 'count')).toEqual({ 0: 12, 1: 7 });
    expect(Object.values(await stored('took_seconds', 'count', 60)).reduce((sum, n) => sum + n, 0)).toBe(19);
  });

  it('is all that was counted, though an instance starts, ends, or does not answer for a while', async () => {
    const first = start('router-1');
    count(first, 100);
    await collector.collect(begin + 100);
    count(first, 1);
    count(start('router-2'), 20);
    await collector.collect(begin + STEP + 100);
    silent.add('router-1');
    count(first, 4);
    await collector.collect(begin + 2 * STEP + 100);
    silent.delete('router-1');
    instances.delete('router-2');
    await collector.collect(begin + 3 * STEP + 100);
    // What was there before collecting began is nobody's.
    expect(await stored('calls_total', 'sum')).toEqual({ 0: 21, 2: 4 });
  });
});
