import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER, recordEvent } from '@mcp-router/platform';
import type { AlertRule } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { MetricsStore } from '../metrics/metrics.store';
import { bucketOf, FINEST } from '../metrics/tier';
import { Leader } from '../storage/leader';
import { advance } from './alert-machine';
import { AlertsStore } from './alerts.store';
import { evaluate, readGroups } from './measure';
import { Webhooks } from './webhooks';

const EVERY_MS = 10_000;
/** Metrics of a step are stored soon after it has ended. */
const SETTLE_MS = 3_000;
const ALL = { limit: 1000 };

/** Every ten seconds one replica looks at all rules, and tells when an alert begins to fire or is resolved. */
@Injectable()
export class Evaluator implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly leader: Leader;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly bus: Bus,
    private readonly alerts: AlertsStore,
    private readonly metrics: MetricsStore,
    private readonly webhooks: Webhooks,
    database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.leader = new Leader(database, 'alerts');
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async onApplicationShutdown(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.running;
    await this.leader.resign();
  }

  /** Brings all alerts up to the metrics before `at` (epoch milliseconds). */
  async evaluateAll(at: number): Promise<void> {
    const { items } = await this.alerts.rules(ALL);
    for (const rule of items) {
      if (!rule.enabled) continue;
      await this.evaluateRule(rule, at).catch((err: unknown) =>
        this.logger.warn({ err, rule: rule.name }, 'an alert rule was not evaluated'),
      );
    }
  }

  private async evaluateRule(rule: AlertRule, at: number): Promise<void> {
    const groups = await readGroups(this.metrics, rule, at, at);
    const statuses = await this.alerts.statuses(rule.id);
    for (const group of groups) {
      const before = statuses.get(JSON.stringify(group.labels));
      const { holds, value } = evaluate(rule, group, at);
      const status = advance(before, holds, at, rule);
      if (status === undefined && before === undefined) continue;
      if (status && status.state !== 'pending' && status.state !== before?.state) {
        const { state } = status;
        const data = { labels: group.labels, severity: rule.severity, value, threshold: rule.threshold };
        // Told before it is kept: after a crash in between it is told again rather than never.
        recordEvent(this.bus, `alert.${state}`, {
          subject: rule.name,
          ...(group.labels['server'] ? { server: group.labels['server'] } : {}),
          data,
        });
        await this.webhooks.send(rule, { ...data, state, since: new Date(status.since).toISOString() });
      }
      await this.alerts.keep(rule.id, group.labels, status, value);
    }
  }

  private schedule(): void {
    const untilNext = EVERY_MS - ((Date.now() - SETTLE_MS) % EVERY_MS);
    this.timer = setTimeout(() => {
      this.running = this.run()
        .catch((err: unknown) => this.logger.warn({ err }, 'alert rules were not evaluated'))
        .then(() => {
          if (this.timer) this.schedule();
        });
    }, untilNext).unref();
  }

  private async run(): Promise<void> {
    if (await this.leader.leads()) await this.evaluateAll(bucketOf(Date.now(), FINEST.stepMs));
  }
}
