import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER, recordEvent } from '@mcp-router/platform';
import type { AlertRule, Silence } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { MetricsStore } from '../metrics/metrics.store';
import { bucketOf, FINEST } from '../metrics/tier';
import { LeaderTask } from '../storage/leader-task';
import { advance } from './alert-machine';
import { AlertsStore, type Standing } from './alerts.store';
import { evaluate, groupsOf, readGroups, tierOf, type Group } from './measure';
import { mutedBy, type Firing } from './muting';
import { SilencesStore } from './silences.store';
import { Webhooks } from './webhooks';

const EVERY_MS = 10_000;
/** Metrics of a step are stored soon after it has ended. */
const SETTLE_MS = 3_000;
/** So long it can be seen that there was an alert. */
const RESOLVED_KEPT_MS = 7 * 86_400_000;
const ALL = { limit: 1000 };

/** What all rules of one evaluation look at. */
interface Round {
  at: number;
  silences: readonly Silence[];
  firing: Firing[];
}

/** Every ten seconds one replica looks at all rules, and tells when an alert begins to fire or is resolved. */
@Injectable()
export class Evaluator implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly task: LeaderTask;

  constructor(
    private readonly bus: Bus,
    private readonly alerts: AlertsStore,
    private readonly silences: SilencesStore,
    private readonly metrics: MetricsStore,
    private readonly webhooks: Webhooks,
    database: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.task = new LeaderTask(database, 'alerts', {
      everyMs: EVERY_MS,
      delayMs: SETTLE_MS,
      lead: () => this.evaluateAll(bucketOf(Date.now(), FINEST.stepMs)),
      onFailure: (err) => this.logger.warn({ err }, 'alert rules were not evaluated'),
    });
  }

  onApplicationBootstrap(): void {
    this.task.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.task.stop();
  }

  /** Brings all alerts up to the metrics before `at` (epoch milliseconds). */
  async evaluateAll(at: number): Promise<void> {
    const { items } = await this.alerts.rules(ALL);
    const round: Round = { at, silences: await this.silences.list(new Date(at)), firing: await this.alerts.firing() };
    const inhibitors = new Set(items.flatMap(({ inhibitedBy }) => inhibitedBy));
    // Those that keep others quiet come first.
    const ordered = [...items].sort((a, b) => Number(inhibitors.has(b.name)) - Number(inhibitors.has(a.name)));
    for (const rule of ordered) {
      if (!rule.enabled) continue;
      await this.evaluateRule(rule, round).catch((err: unknown) =>
        this.logger.warn({ err, rule: rule.name }, 'an alert rule was not evaluated'),
      );
    }
  }

  private async evaluateRule(rule: AlertRule, round: Round): Promise<void> {
    const { at } = round;
    const tier = tierOf(rule, at);
    const groups = await groupsOf(this.metrics, rule, tier);
    const standings = await this.alerts.standings(rule.id);
    const seen = new Set(groups.map(({ labels }) => JSON.stringify(labels)));
    // What has no series any more is without data.
    for (const key of standings.keys())
      if (!seen.has(key)) groups.push({ labels: JSON.parse(key) as Record<string, string>, tier, series: [] });
    for await (const group of readGroups(this.metrics, rule, groups, at, at))
      await this.evaluateGroup(rule, group, standings.get(JSON.stringify(group.labels)), round);
  }

  private async evaluateGroup(
    rule: AlertRule,
    group: Group,
    before: Standing | undefined,
    { at, silences, firing }: Round,
  ): Promise<void> {
    const { labels } = group;
    const { holds, value } = evaluate(rule, group, at);
    const status = advance(before?.status, holds, at, rule);
    if (status === undefined && before === undefined) return;
    if (status?.state === 'resolved' && before?.status.state === 'resolved') {
      if (at - status.since > RESOLVED_KEPT_MS) await this.alerts.keep(rule.id, labels, undefined);
      return;
    }
    const isFiring = status?.state === 'firing';
    const muted = isFiring ? mutedBy(rule, labels, silences, firing, Math.max(at, Date.now())) : null;
    // One that was muted when it began to fire is sent when that ends, and one that nobody was sent is not resolved for anybody.
    const isDue = isFiring
      ? !before?.notified && muted === null
      : status?.state === 'resolved' && before?.notified === true;
    const notified = isFiring && (before?.notified === true || muted === null);
    if (status && status.state !== 'pending') {
      const { state } = status;
      const data = { labels, severity: rule.severity, value, threshold: rule.threshold };
      // Told before it is kept: after a crash in between it is told again rather than never.
      if (state !== before?.status.state)
        recordEvent(this.bus, `alert.${state}`, {
          subject: rule.name,
          ...(labels['server'] ? { server: labels['server'] } : {}),
          data: { ...data, ...(muted !== null && { muted }) },
        });
      if (isDue) await this.webhooks.send(rule, { ...data, state, since: new Date(status.since).toISOString() });
    }
    if (isFiring && before?.status.state !== 'firing') firing.push({ rule: rule.name, labels });
    await this.alerts.keep(rule.id, labels, status && { status, notified, value, muted });
  }
}
