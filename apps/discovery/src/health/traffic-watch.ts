import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER, type Stop } from '@mcp-router/platform';
import { type CallRecord, type ProbeError, callRecorded } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { HealthService, type Traffic } from './health.service';

const FLUSH_MS = 5_000;

/** What the call log says when it was the server that failed: by name, and by number at the MCP door. */
const SERVER_FAILURES = new Set(['upstream_unavailable', 'upstream_timeout', '-31503', '-31504']);

/** Learns from the calls that pass through the router: good ones are added up, a failed one is told at once. */
@Injectable()
export class TrafficWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Good calls since the last time, and how long the server took for them together. */
  private readonly good = new Map<string, { calls: number; ms: number }>();
  private timer: NodeJS.Timeout | undefined;
  private stop: Stop | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly health: HealthService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.bus.consume(callRecorded, 'discovery', async (entries) => {
      await this.take(entries.map(({ payload }) => payload));
    });
    this.timer = setInterval(() => void this.flush(), FLUSH_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.stop?.();
  }

  /** Takes what is next in the call log. */
  async take(
    records: Pick<CallRecord, 'server' | 'outcome' | 'errorCode' | 'upstreamMs' | 'durationMs'>[],
  ): Promise<void> {
    const failed = new Map<string, { calls: number; error: ProbeError }>();
    for (const { server, outcome, errorCode, upstreamMs, durationMs } of records) {
      if (server === undefined) continue;
      if (outcome === 'ok' || outcome === 'tool_error') {
        const sum = this.good.get(server) ?? { calls: 0, ms: 0 };
        this.good.set(server, { calls: sum.calls + 1, ms: sum.ms + (upstreamMs ?? durationMs) });
      } else if (errorCode !== undefined && SERVER_FAILURES.has(errorCode)) {
        const error = { code: errorCode, detail: 'A call got no answer' };
        failed.set(server, { calls: (failed.get(server)?.calls ?? 0) + 1, error });
      }
    }
    for (const [server, { calls, error }] of failed) await this.note(server, { ok: 0, failed: calls, error });
  }

  /** Tells of the good calls since the last time. */
  async flush(): Promise<void> {
    const good = [...this.good];
    this.good.clear();
    for (const [server, { calls, ms }] of good)
      await this.note(server, { ok: calls, failed: 0, latencyMs: ms / calls });
  }

  /** What is lost here, a probe finds out. */
  private async note(server: string, calls: Traffic): Promise<void> {
    await this.health
      .noteTraffic(server, calls)
      .catch((error: unknown) => this.log.warn({ err: error }, 'calls not noted'));
  }
}
