import { setTimeout as sleep } from 'node:timers/promises';
import type { Metric } from '@mcp-router/shared';
import type { Metrics } from '../metrics/metrics';
import { metricsJson, tracesJson } from './otlp-json';
import type { Attributes, FinishedSpan } from './span';
import type { SpanSink } from './tracer';

export interface OtlpOptions {
  /** `http://collector:4318`; signals go to `/v1/traces` and `/v1/metrics` below it. */
  endpoint: string;
  headers: Record<string, string>;
  resource: Attributes;
  timeoutMs: number;
  /** How often metrics are sent, in milliseconds; undefined for never. */
  metricsEveryMs: number | undefined;
  sendsTraces: boolean;
  onProblem: (problem: string) => void;
}

const FLUSH_MS = 2_000;
const BATCH = 512;
/** Spans that wait while the collector is away; past it the newest are dropped and counted. */
const MAX_QUEUED = 4_096;
const TRIES = 4;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** What the protocol says may be sent again. */
const RETRYABLE = new Set([429, 502, 503, 504]);

/** Sends spans and metrics to a collector, in batches and in the background. */
export class OtlpExporter implements SpanSink {
  private queue: FinishedSpan[] = [];
  private flushing: Promise<void> | undefined;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly stopping = new AbortController();
  private readonly startedAt = Date.now() - process.uptime() * 1000;
  private lastProblem = '';
  private readonly dropped;
  private readonly sent;

  constructor(
    private readonly options: OtlpOptions,
    private readonly metrics: Metrics,
  ) {
    this.dropped = metrics.counter('mcp_router_telemetry_dropped_total', 'What no collector took', ['signal']);
    this.sent = metrics.counter('mcp_router_telemetry_sent_total', 'What a collector took', ['signal']);
    if (options.sendsTraces) this.timers.push(setInterval(() => this.flushSoon(), FLUSH_MS).unref());
    if (options.metricsEveryMs !== undefined)
      this.timers.push(setInterval(() => void this.sendMetrics(), options.metricsEveryMs).unref());
  }

  add(span: FinishedSpan): void {
    if (this.queue.length >= MAX_QUEUED) return this.dropped.with('spans').add();
    if (this.queue.push(span) >= BATCH) this.flushSoon();
  }

  /** Sends what is left; waits no longer than one request may take. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.stopping.abort();
    await this.flushing;
    await this.flush();
    if (this.options.metricsEveryMs !== undefined) await this.sendMetrics();
  }

  private flushSoon(): void {
    this.flushing ??= this.flush().finally(() => {
      this.flushing = undefined;
    });
  }

  private async flush(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, BATCH);
      await this.send('traces', 'spans', tracesJson(batch, this.options.resource), batch.length);
    }
  }

  private async sendMetrics(): Promise<void> {
    const read: Metric[] = this.metrics.read();
    const points = read.reduce((sum, { samples }) => sum + samples.length, 0);
    await this.send('metrics', 'points', metricsJson(read, this.options.resource, this.startedAt, Date.now()), points);
  }

  private async send(path: 'traces' | 'metrics', signal: string, body: object, count: number): Promise<void> {
    const text = JSON.stringify(body);
    for (let tries = 1; ; tries++) {
      const { problem, retryAfterMs } = await this.post(path, text);
      if (problem === undefined) {
        this.lastProblem = '';
        this.sent.with(signal).add(count);
        return;
      }
      if (retryAfterMs === undefined || tries >= TRIES || this.stopping.signal.aborted) {
        this.dropped.with(signal).add(count);
        // Said once for each kind: a collector that is away for a day is one line, not thousands.
        if (problem !== this.lastProblem) this.options.onProblem((this.lastProblem = problem));
        return;
      }
      const wait = Math.min(Math.max(retryAfterMs, FIRST_WAIT_MS * 2 ** (tries - 1)), LONGEST_WAIT_MS);
      await sleep(wait, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  /** @returns what went wrong, and after how long it may be tried again, if it may */
  private async post(path: string, body: string): Promise<{ problem?: string; retryAfterMs?: number }> {
    const url = `${this.options.endpoint.replace(/\/+$/, '')}/v1/${path}`;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...this.options.headers, 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(this.options.timeoutMs),
      });
      await response.body?.cancel();
      if (response.ok) return {};
      const problem = `The collector answered ${path} with status ${response.status}`;
      if (!RETRYABLE.has(response.status)) return { problem };
      return { problem, retryAfterMs: Number(response.headers.get('retry-after') ?? 0) * 1000 || 0 };
    } catch (error) {
      const { message, cause } = error as Error;
      return {
        problem: `The collector does not answer: ${cause instanceof Error ? cause.message : message}`,
        retryAfterMs: 0,
      };
    }
  }
}
