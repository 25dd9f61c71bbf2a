import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, freemem, hostname, loadavg, platform, totalmem, uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Bus, Health, RedisBusServer } from '@mcp-router/platform';
import { readMetricsOf, type Metric, type SystemStatus } from '@mcp-router/shared';
import type { Redis } from 'ioredis';
import { DataSource } from 'typeorm';

const ANSWER_MS = 2_000;

const SERVICES = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'];

type Instance = SystemStatus['services'][number]['instances'][number];
type Dependency = SystemStatus['dependencies'][number];

/** Looks at every process, at what they depend on, and at the machine, now. */
@Injectable()
export class SystemService {
  constructor(
    private readonly bus: Bus,
    private readonly health: Health,
    private readonly database: DataSource,
    private readonly server: RedisBusServer,
  ) {}

  async status(): Promise<SystemStatus> {
    const [services, dependencies, memoryLimitBytes] = await Promise.all([
      Promise.all(SERVICES.map((name) => this.service(name))),
      this.dependencies(),
      memoryLimit(),
    ]);
    const isWhole = services.every(({ instances }) => instances.length > 0) && dependencies.every(({ ok }) => ok);
    return {
      status: isWhole ? 'ok' : 'degraded',
      services,
      dependencies,
      host: {
        name: hostname(),
        platform: platform(),
        arch: arch(),
        cpus: availableParallelism(),
        loadAverage: loadavg(),
        memoryBytes: totalmem(),
        freeMemoryBytes: freemem(),
        memoryLimitBytes,
        uptimeSeconds: uptime(),
      },
    };
  }

  private async service(name: string): Promise<SystemStatus['services'][number]> {
    const instances = this.bus.instances(name).map((id) =>
      this.bus.call(readMetricsOf(name), {}, { instance: id }).then(
        (metrics) => toInstance(id, metrics),
        () => toInstance(id, []),
      ),
    );
    return { name, instances: await Promise.all(instances) };
  }

  private async dependencies(): Promise<Dependency[]> {
    const started = performance.now();
    const [{ checks }, ...answers] = await Promise.all([
      this.health.ready(),
      answerOf('postgres', async () => {
        const rows: { server_version: string }[] = await this.database.query('SHOW server_version');
        return rows[0]?.server_version;
      }),
      answerOf('redis', async () => {
        const text = await this.server.unwrap<Redis>().info('server');
        return /^redis_version:(\S+)/m.exec(text)?.[1];
      }),
    ]);
    const elapsed = performance.now() - started;
    return Object.entries(checks)
      .filter(([name]) => name !== 'process')
      .map(([name, result]) => {
        const { version = null, latencyMs = elapsed } = answers.find((answer) => answer?.name === name) ?? {};
        return { name, ok: result === 'ok', latencyMs, version, error: result === 'ok' ? null : result };
      });
  }
}

interface Answer {
  name: string;
  version: string | undefined;
  latencyMs: number;
}

/** Which version a dependency says that it is, and how long that took; undefined when it does not answer in time. */
async function answerOf(name: string, ask: () => Promise<string | undefined>): Promise<Answer | undefined> {
  const started = performance.now();
  const asked = ask().then(
    (version) => ({ name, version, latencyMs: performance.now() - started }),
    () => undefined,
  );
  return Promise.race([asked, sleep(ANSWER_MS, undefined, { ref: false })]);
}

/** What a process says of itself, out of what it measures. */
function toInstance(id: string, metrics: readonly Metric[]): Instance {
  const first = (name: string) => metrics.find((metric) => metric.name === name)?.samples[0];
  const value = (name: string) => first(name)?.value ?? null;
  const startedAt = value('process_start_time_seconds');
  const [version = null, node = null] = first('mcp_router_build_info')?.labels ?? [];
  return {
    id,
    version,
    node,
    startedAt: startedAt === null ? null : new Date(startedAt * 1000).toISOString(),
    residentBytes: value('process_resident_memory_bytes'),
    heapBytes: value('nodejs_heap_used_bytes'),
    cpuSeconds: value('process_cpu_seconds_total'),
  };
}

/** Of cgroup v2. */
async function memoryLimit(): Promise<number | null> {
  const text = await readFile('/sys/fs/cgroup/memory.max', 'utf8').catch(() => 'max');
  return /^\d+/.test(text) ? Number(text.trim()) : null;
}
