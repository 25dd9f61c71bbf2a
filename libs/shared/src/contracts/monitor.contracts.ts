import { z } from 'zod';
import { Empty } from '../page';
import { contract } from './contract';

/** One running process of a service. */
export const SystemInstance = z.object({
  id: z.string(),
  /** Null when it did not answer in time. */
  version: z.string().nullable(),
  node: z.string().nullable(),
  startedAt: z.iso.datetime().nullable(),
  residentBytes: z.number().nullable(),
  heapBytes: z.number().nullable(),
  cpuSeconds: z.number().nullable(),
});

/** What this installation consists of, and how it is. */
export const SystemStatus = z
  .object({
    /** `degraded`: a service has no instance, or a dependency does not work. */
    status: z.enum(['ok', 'degraded']),
    services: z.array(z.object({ name: z.string(), instances: z.array(SystemInstance) })),
    dependencies: z.array(
      z.object({
        name: z.string(),
        ok: z.boolean(),
        latencyMs: z.number(),
        version: z.string().nullable(),
        error: z.string().nullable(),
      }),
    ),
    /** The machine, or container, that the answering monitor runs on. */
    host: z.object({
      name: z.string(),
      platform: z.string(),
      arch: z.string(),
      cpus: z.int(),
      loadAverage: z.array(z.number()),
      memoryBytes: z.number(),
      freeMemoryBytes: z.number(),
      /** Limit of the container; null without one. */
      memoryLimitBytes: z.number().nullable(),
      uptimeSeconds: z.number(),
    }),
  })
  .meta({ id: 'SystemStatus' });
export type SystemStatus = z.infer<typeof SystemStatus>;

export const readSystem = contract('monitor.readSystem', { input: Empty, output: SystemStatus });

/** How long a server took for what it answered, over all calls of a window; within 1.2 % of the exact percentiles. */
const LatencyWindow = z.object({
  calls: z.int(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
});
export type LatencyWindow = z.infer<typeof LatencyWindow>;

const UptimeWindow = z.object({
  /** Share of the known time in which the server was healthy or degraded; null when nothing is known. */
  upShare: z.number().nullable(),
  downSeconds: z.number(),
  /** How much of the window is known: since its health was first looked at, as far back as events are kept. */
  knownSeconds: z.number(),
  /** How often it went down. */
  outages: z.int(),
  /** Null when it answered nothing in that time. */
  latency: LatencyWindow.nullable().default(null),
});
export type UptimeWindow = z.infer<typeof UptimeWindow>;

/** How much of the time a server was well, and how fast: the last 24 hours, 7 days, 30 days. */
export const Uptime = z
  .object({ server: z.string(), day: UptimeWindow, week: UptimeWindow, month: UptimeWindow })
  .meta({ id: 'Uptime' });
export type Uptime = z.infer<typeof Uptime>;

export const readUptime = contract('monitor.readUptime', {
  input: z.object({ server: z.string().min(1).max(64) }),
  output: Uptime,
});
