import { readFileSync, statfsSync } from 'node:fs';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ENV, metrics, type Metrics } from '@mcp-router/platform';
import type { MonitorEnv } from '../config';

/** Measures the machine that this monitor runs on. */
@Injectable()
export class HostMetrics implements OnApplicationBootstrap {
  constructor(@Inject(ENV) private readonly env: MonitorEnv) {}

  onApplicationBootstrap(): void {
    measureHost(metrics, this.env.MCPR_DATA_DIR);
  }
}

/**
 * The names are those of OpenTelemetry's system metrics.
 *
 * @param folder on the file system whose space is told
 * @see https://opentelemetry.io/docs/specs/semconv/system/system-metrics/
 */
export function measureHost(to: Metrics, folder: string): void {
  const cpu = to.counter('system_cpu_time_seconds_total', 'CPU time of the machine', ['state']);
  const load = to.gauge('system_cpu_load_average', 'Tasks that run or want to', ['minutes']);
  const memory = to.gauge('system_memory_usage_bytes', 'Memory of the machine', ['state']);
  const disk = to.gauge('system_filesystem_usage_bytes', 'Space of the file system that holds the data', ['state']);
  const network = to.counter('system_network_io_bytes_total', 'Bytes over the network, without loopback', [
    'direction',
  ]);
  to.onRead(() => {
    for (const [state, milliseconds] of cpuTimes()) cpu.with(state).value = milliseconds / 1000;
    loadavg().forEach((tasks, i) => load.with(['1', '5', '15'][i] ?? '').set(tasks));
    memory.with('free').set(freemem());
    memory.with('used').set(totalmem() - freemem());
    const space = spaceOf(folder) ?? spaceOf('.');
    if (space) {
      disk.with('free').set(space.free);
      disk.with('used').set(space.used);
    }
    for (const [direction, bytes] of networkBytes()) network.with(direction).value = bytes;
  });
}

function cpuTimes(): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { times } of cpus())
    for (const [state, ms] of Object.entries(times)) sums.set(state, (sums.get(state) ?? 0) + ms);
  return sums;
}

function spaceOf(folder: string): { free: number; used: number } | undefined {
  try {
    const { bsize, blocks, bfree, bavail } = statfsSync(folder);
    return { free: bavail * bsize, used: (blocks - bfree) * bsize };
  } catch {
    return undefined;
  }
}

/** Of Linux; elsewhere nothing is known. */
function networkBytes(): [direction: string, bytes: number][] {
  let text: string;
  try {
    text = readFileSync('/proc/net/dev', 'utf8');
  } catch {
    return [];
  }
  let [received, sent] = [0, 0];
  for (const [, name, numbers = ''] of text.matchAll(/^\s*([^:\s]+):\s*(.*)$/gm)) {
    if (name === 'lo') continue;
    const columns = numbers.split(/\s+/).map(Number);
    received += columns[0] ?? 0;
    sent += columns[8] ?? 0;
  }
  return [
    ['receive', received],
    ['transmit', sent],
  ];
}
