import { constants, monitorEventLoopDelay, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import type { Metrics } from './metrics';

const GC_KINDS = new Map<number, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

const RESOLUTION_MS = 20;
const LAG_PERIOD_MS = 10_000;

export const VERSION = '0.1.0';

/** The timer's own period is part of what the histogram holds, in nanoseconds. */
const lagOf = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);

const QUANTILES = { '0.5': 50, '0.99': 99, '1': 100 };

type Lags = Record<string, number>;

/**
 * How far the event loop was behind, by quantile in seconds. Whoever asks is told of the last ten to twenty seconds: what
 * one reader was told another one is told, too, and a standstill is seen by readers that come every ten seconds.
 */
function watchLoop(): () => Lags {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const lags = (): Lags =>
    Object.fromEntries(
      Object.entries(QUANTILES).map(([name, percent]) => [
        name,
        delay.count > 0 ? lagOf(delay.percentile(percent)) : 0,
      ]),
    );
  let before: Lags = {};
  setInterval(() => {
    before = lags();
    delay.reset();
  }, LAG_PERIOD_MS).unref();
  return () =>
    Object.fromEntries(Object.entries(lags()).map(([name, lag]) => [name, Math.max(lag, before[name] ?? 0)]));
}

/** Measures the process itself: CPU, memory, event-loop lag, garbage collection. */
export function measureProcess(metrics: Metrics): void {
  metrics.gauge('mcp_router_build_info', 'Always 1', ['version', 'node']).with(VERSION, process.version).set(1);
  const cpu = metrics.counter('process_cpu_seconds_total', 'CPU time used').with();
  const rss = metrics.gauge('process_resident_memory_bytes', 'Resident memory').with();
  const heap = metrics.gauge('nodejs_heap_used_bytes', 'JavaScript heap in use').with();
  const started = metrics.gauge('process_start_time_seconds', 'When the process started, in Unix time').with();
  const lag = metrics.gauge(
    'nodejs_eventloop_lag_seconds',
    'Delay of the event loop in the last ten to twenty seconds',
    ['quantile'],
  );
  const pauses = metrics.histogram('nodejs_gc_duration_seconds', 'Pauses by garbage collection', ['kind']);
  const loop = watchLoop();
  started.set(Math.round(Date.now() / 1000 - process.uptime()));
  metrics.onRead(() => {
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / 1e6;
    const memory = process.memoryUsage();
    rss.set(memory.rss);
    heap.set(memory.heapUsed);
    for (const [quantile, seconds] of Object.entries(loop())) lag.with(quantile).set(seconds);
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as PerformanceEntry & { detail?: { kind?: number } };
      pauses.with(GC_KINDS.get(detail?.kind ?? -1) ?? 'other').record(duration / 1000);
    }
  }).observe({ entryTypes: ['gc'] });
}
