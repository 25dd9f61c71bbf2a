import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  acknowledgeAlert,
  addAlertRule,
  addNotifier,
  addSilence,
  getAlertRule,
  getNotifier,
  listAlertRules,
  listAlerts,
  listNotifiers,
  listSilences,
  removeAlertRule,
  removeNotifier,
  removeSilence,
  replaceAlertRule,
  testAlertRule,
  testNotifier,
  updateNotifier,
  type Alert,
  type AlertRule,
  type AlertRuleTest,
  type NewAlertRule,
  type Notifier,
  type NotifierTest,
  type Page,
  type PageQuery,
  type Silence,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { MetricsStore } from '../metrics/metrics.store';
import { AlertsStore } from './alerts.store';
import { backtest } from './backtest';
import { refuseUnfitRule } from './measure';
import { Notifiers } from './notifiers';
import { SilencesStore } from './silences.store';

@Controller()
export class AlertsHandler {
  constructor(
    private readonly alerts: AlertsStore,
    private readonly metrics: MetricsStore,
    private readonly silences: SilencesStore,
    private readonly notifiers: Notifiers,
  ) {}

  @Handles(listAlertRules)
  rules(query: PageQuery): Promise<Page<AlertRule>> {
    return this.alerts.rules(query);
  }

  @Handles(getAlertRule)
  rule({ rule }: { rule: string }): Promise<AlertRule> {
    return this.alerts.rule(rule);
  }

  @Handles(addAlertRule)
  async add(rule: NewAlertRule): Promise<AlertRule> {
    await refuseUnfitRule(this.metrics, rule);
    return this.alerts.addRule(rule);
  }

  @Handles(replaceAlertRule)
  async replace({ rule, definition }: z.output<typeof replaceAlertRule.input>): Promise<AlertRule> {
    await refuseUnfitRule(this.metrics, definition);
    return this.alerts.replaceRule(rule, definition);
  }

  @Handles(removeAlertRule)
  async remove({ rule }: { rule: string }): Promise<Record<string, never>> {
    await this.alerts.removeRule(rule);
    return {};
  }

  @Handles(testAlertRule)
  async test({ rule, from, to }: z.output<typeof testAlertRule.input>): Promise<AlertRuleTest> {
    await refuseUnfitRule(this.metrics, rule);
    return backtest(this.metrics, rule, Date.parse(from), Date.parse(to));
  }

  @Handles(listAlerts)
  async list(query: z.output<typeof listAlerts.input>): Promise<{ items: Alert[] }> {
    return { items: await this.alerts.alerts(query) };
  }

  @Handles(acknowledgeAlert)
  acknowledge({ alert, by }: z.output<typeof acknowledgeAlert.input>): Promise<Alert> {
    return this.alerts.acknowledge(alert, by);
  }

  @Handles(listSilences)
  async listSilences(): Promise<{ items: Silence[] }> {
    return { items: await this.silences.list() };
  }

  @Handles(addSilence)
  addSilence(silence: z.output<typeof addSilence.input>): Promise<Silence> {
    return this.silences.add(silence);
  }

  @Handles(removeSilence)
  async removeSilence({ id }: { id: string }): Promise<Record<string, never>> {
    await this.silences.remove(id);
    return {};
  }

  @Handles(listNotifiers)
  async listNotifiers(): Promise<{ items: Notifier[] }> {
    return { items: await this.notifiers.list() };
  }

  @Handles(getNotifier)
  notifier({ name }: { name: string }): Promise<Notifier> {
    return this.notifiers.get(name);
  }

  @Handles(addNotifier)
  addNotifier(notifier: z.output<typeof addNotifier.input>): Promise<Notifier> {
    return this.notifiers.add(notifier);
  }

  @Handles(updateNotifier)
  changeNotifier({ name, changes, ifMatch }: z.output<typeof updateNotifier.input>): Promise<Notifier> {
    return this.notifiers.change(name, changes, ifMatch);
  }

  @Handles(testNotifier)
  testNotifier({ name }: { name: string }): Promise<NotifierTest> {
    return this.notifiers.test(name);
  }

  @Handles(removeNotifier)
  async removeNotifier({ name }: { name: string }): Promise<Record<string, never>> {
    await this.notifiers.remove(name);
    return {};
  }
}
