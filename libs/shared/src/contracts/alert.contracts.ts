import { z } from 'zod';
import { Instant } from '../instant';
import { Empty, PageQuery, pageOf } from '../page';
import { contract } from './contract';
import { MetricAggregate, MetricName } from './metric.contracts';

const RuleName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens');
const RuleLabels = z.record(z.string().max(64), z.string().max(256)).default({});

/** When somebody is to be told: one measure over a window, compared with a threshold. */
export const NewAlertRule = z
  .object({
    name: RuleName,
    description: z.string().max(1000).default(''),
    enabled: z.boolean().default(true),
    severity: z.enum(['info', 'warning', 'critical']).default('warning'),
    metric: MetricName,
    /** Only series with these label values. */
    labels: RuleLabels,
    /** Without series that have one of these label values: `{"error_type": ""}` leaves what went well out. */
    except: RuleLabels,
    /** The rate of what `except` leaves in as a share of all; `aggregate` is not used then. */
    ratio: z.boolean().default(false),
    aggregate: MetricAggregate.default('avg'),
    /** One alert a combination of these labels. */
    by: z.array(z.string().max(64)).max(4).default([]),
    windowSeconds: z.int().min(10).max(604_800).default(300),
    /** The threshold must be crossed over this window too: a burn rate that has stopped does not fire. */
    shortWindowSeconds: z.int().min(10).max(604_800).optional(),
    comparison: z.enum(['above', 'below']).default('above'),
    threshold: z.number(),
    /** How long it must hold before the alert fires. */
    forSeconds: z.int().min(0).max(86_400).default(0),
    /** How long it must be over before the alert is resolved. */
    keepFiringSeconds: z.int().min(0).max(86_400).default(0),
    /** What a window without values means: nothing wrong, something wrong, or no news. */
    noData: z.enum(['ok', 'alert', 'keep']).default('ok'),
    /** While an alert of one of these rules fires, with the same values of the labels that both have, nobody is sent this one. */
    inhibitedBy: z.array(RuleName).max(10).default([]),
  })
  .strict()
  .meta({ id: 'NewAlertRule' });
export type NewAlertRule = z.output<typeof NewAlertRule>;

export const AlertRule = z
  .object({ id: z.string(), ...NewAlertRule.shape, createdAt: z.iso.datetime(), updatedAt: z.iso.datetime() })
  .meta({ id: 'AlertRule' });
export type AlertRule = z.output<typeof AlertRule>;

export const AlertState = z.enum(['pending', 'firing', 'resolved']);
export type AlertState = z.infer<typeof AlertState>;

export const Alert = z
  .object({
    id: z.uuid(),
    rule: z.string(),
    severity: z.string(),
    description: z.string(),
    labels: z.record(z.string(), z.string()),
    state: AlertState,
    /** When `state` was entered. */
    since: z.iso.datetime(),
    /** At the last evaluation, or when it was resolved; null without data. */
    value: z.number().nullable(),
    threshold: z.number(),
    /** Why notifiers are not sent it while it fires; null: they are. */
    muted: z.enum(['silenced', 'inhibited']).nullable(),
    /** Who has said that they look after it; until it fires anew. */
    acknowledgedBy: z.string().nullable(),
    acknowledgedAt: z.iso.datetime().nullable(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Alert' });
export type Alert = z.infer<typeof Alert>;

/** What a rule would have done. */
export const AlertRuleTest = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    /** How far apart it was evaluated. */
    stepSeconds: z.int(),
    /** Resolution of the metrics that were read; a window that is shorter is as long as that. */
    tierSeconds: z.int().optional(),
    /** The first thousand. */
    transitions: z.array(
      z.object({
        at: z.iso.datetime(),
        labels: z.record(z.string(), z.string()),
        state: AlertState,
        value: z.number().nullable(),
      }),
    ),
    /** How long it would have fired, all groups together. */
    firingSeconds: z.number(),
  })
  .meta({ id: 'AlertRuleTest' });
export type AlertRuleTest = z.infer<typeof AlertRuleTest>;

/** By id or by name. */
const RuleRef = z.object({ rule: z.string().min(1).max(64) });

export const listAlertRules = contract('monitor.listAlertRules', { input: PageQuery, output: pageOf(AlertRule) });
export const getAlertRule = contract('monitor.getAlertRule', { input: RuleRef, output: AlertRule });
export const addAlertRule = contract('monitor.addAlertRule', { input: NewAlertRule, output: AlertRule });
/** Its alerts begin anew. */
export const replaceAlertRule = contract('monitor.replaceAlertRule', {
  input: RuleRef.extend({ definition: NewAlertRule }),
  output: AlertRule,
});
export const removeAlertRule = contract('monitor.removeAlertRule', { input: RuleRef, output: Empty });
export const testAlertRule = contract('monitor.testAlertRule', {
  input: z.object({
    rule: NewAlertRule,
    from: Instant,
    to: Instant,
  }),
  output: AlertRuleTest,
  timeoutMs: 30_000,
});
export const listAlerts = contract('monitor.listAlerts', {
  input: z.object({ state: AlertState.optional(), rule: z.string().max(64).optional() }),
  output: z.object({ items: z.array(Alert) }),
});

const AlertRef = z.object({ alert: z.string().min(1).max(64) });

/** @param by the agent that looks after it */
export const acknowledgeAlert = contract('monitor.acknowledgeAlert', {
  input: AlertRef.extend({ by: z.string().max(64) }),
  output: Alert,
});

/** For a while nobody is sent the alerts that match; they go on to be seen. */
export const NewSilence = z
  .object({
    /** Name of a rule; all rules without it. */
    rule: RuleName.optional(),
    /** Only alerts with these label values. */
    labels: RuleLabels,
    startsAt: Instant.optional().meta({ description: 'Default: now' }),
    endsAt: Instant,
    comment: z.string().max(1000).default(''),
  })
  .strict()
  .meta({ id: 'NewSilence' });

export const Silence = z
  .object({
    id: z.uuid(),
    rule: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    startsAt: z.iso.datetime(),
    endsAt: z.iso.datetime(),
    comment: z.string(),
    createdBy: z.string(),
  })
  .meta({ id: 'Silence' });
export type Silence = z.infer<typeof Silence>;

/** Those that have not ended, the one that ends first at the front. */
export const listSilences = contract('monitor.listSilences', {
  input: Empty,
  output: z.object({ items: z.array(Silence) }),
});
export const addSilence = contract('monitor.addSilence', {
  input: NewSilence.extend({ createdBy: z.string().max(64) }),
  output: Silence,
});
export const removeSilence = contract('monitor.removeSilence', { input: z.object({ id: z.string() }), output: Empty });

const NotifierFields = z.object({
  url: z.url().max(4096),
  /** Signs each request: `X-MCP-Router-Signature: sha256=<HMAC of timestamp, a dot, and the body>`. */
  secret: z.string().min(16).max(256),
  /** Only alerts of these severities. */
  severities: z.array(z.enum(['info', 'warning', 'critical'])).min(1),
});

export const NewNotifier = NotifierFields.extend({
  name: RuleName,
  severities: NotifierFields.shape.severities.default(['warning', 'critical']),
})
  .strict()
  .meta({ id: 'NewNotifier' });

export const NotifierChanges = NotifierFields.partial().strict().meta({ id: 'NotifierChanges' });
export type NotifierChanges = z.infer<typeof NotifierChanges>;

/** Where alerts are sent. The secret is not shown again. */
export const Notifier = z
  .object({
    name: z.string(),
    url: z.string(),
    severities: z.array(z.string()),
    delivered: z.int(),
    /** Given up after all tries. */
    failed: z.int(),
    lastDeliveryAt: z.iso.datetime().nullable(),
    /** Of the last try; null if it went well. */
    lastError: z.string().nullable(),
    /** Entity tag of the settings, for `If-Match`; releases that could not change them tell none. */
    version: z.string().default('1'),
  })
  .meta({ id: 'Notifier' });
export type Notifier = z.infer<typeof Notifier>;

export const listNotifiers = contract('monitor.listNotifiers', {
  input: Empty,
  output: z.object({ items: z.array(Notifier) }),
});
const NotifierRef = z.object({ name: RuleName });
export const getNotifier = contract('monitor.getNotifier', { input: NotifierRef, output: Notifier });
export const addNotifier = contract('monitor.addNotifier', { input: NewNotifier, output: Notifier });
export const removeNotifier = contract('monitor.removeNotifier', {
  input: NotifierRef,
  output: Empty,
});
/** What waits is sent as it is changed to be. */
export const updateNotifier = contract('monitor.updateNotifier', {
  input: NotifierRef.extend({
    changes: NotifierChanges,
    /** The version that was read: `precondition_failed` if it changed since. */
    ifMatch: z.string().max(64).optional(),
  }),
  output: Notifier,
});

/** How the receiver took a delivery that looks like an alert and says that it is a test. */
export const NotifierTest = z
  .object({
    ok: z.boolean(),
    /** What the receiver answered; null when it could not be reached. */
    status: z.int().nullable(),
    error: z.string().nullable(),
    durationMs: z.number(),
  })
  .meta({ id: 'NotifierTest' });
export type NotifierTest = z.infer<typeof NotifierTest>;

export const testNotifier = contract('monitor.testNotifier', {
  input: NotifierRef,
  output: NotifierTest,
  timeoutMs: 20_000,
});
