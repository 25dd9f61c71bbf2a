import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metrics } from './metrics';

const CGROUP = '/sys/fs/cgroup';

/**
 * Measures the control group that the process runs in (version 2): what a container may use, and does. Without one the
 * series are not there. The names are those of OpenTelemetry's container metrics.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/system/container-metrics/
 */
export function measureContainer(metrics: Metrics, folder = CGROUP): void {
  const number = (file: string): number | undefined => {
    const value = Number.parseInt(readText(folder, file) ?? '', 10);
    return Number.isNaN(value) ? undefined : value;
  };
  if (number('memory.current') === undefined && readText(folder, 'cpu.stat') === undefined) return;
  const usage = metrics.gauge('container_memory_usage_bytes', 'Memory of the container');
  const limit = metrics.gauge('container_memory_limit_bytes', 'Memory that the container may use');
  const cpu = metrics.counter('container_cpu_time_seconds_total', 'CPU time of the container');
  const throttled = metrics.counter('container_cpu_throttled_seconds_total', 'Time in which the container had to wait');
  metrics.onRead(() => {
    const [used, allowed] = [number('memory.current'), number('memory.max')];
    if (used !== undefined) usage.with().set(used);
    if (allowed !== undefined) limit.with().set(allowed);
    const stat = readText(folder, 'cpu.stat') ?? '';
    const microseconds = (name: string): number => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(stat)?.[1] ?? 0);
    cpu.with().value = microseconds('usage_usec') / 1e6;
    throttled.with().value = microseconds('throttled_usec') / 1e6;
  });
}

function readText(folder: string, file: string): string | undefined {
  try {
    return readFileSync(join(folder, file), 'utf8');
  } catch {
    return undefined;
  }
}
