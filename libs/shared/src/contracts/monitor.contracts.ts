import { z } from 'zod';
import { Empty, PageQuery, pageOf } from '../page';
import { broadcast, contract, recordStream } from './contract';

/** How a call ended: `tool_error` is a result with `isError`, `denied` a tool that the agent may not use. */
export const CallOutcome = z.enum(['ok', 'tool_error', 'error', 'cancelled', 'denied']);
export type CallOutcome = z.infer<typeof CallOutcome>;

/**
 * What was decided before anything was sent to the server: `denied` is a tool that the agent may not use, `held` one
 * that waits for an administrator, `unknown` a name that nothing has, `limited` a call of an agent that was over its rate.
 */
export const CallDecision = z.enum(['allowed', 'denied', 'held', 'unknown', 'limited']);
export type CallDecision = z.infer<typeof CallDecision>;

/** One MCP or REST call of a tool (or another method), as the call log keeps it. Written by the router, consumed by the monitor. */
export const CallRecord = z
  .object({
    /** UUIDv7, made where the call is recorded: a record that is delivered twice is stored once. */
    id: z.string(),
    at: z.iso.datetime(),
    requestId: z.string(),
    traceId: z.string().optional(),
    agentId: z.string(),
    agent: z.string(),
    keyId: z.string().optional(),
    /** `/mcp`, `/mcp/{slug}`, `rest`, `workflow`. */
    endpoint: z.string(),
    method: z.string(),
    server: z.string().optional(),
    tool: z.string().optional(),
    /** SHA-256 of the arguments' text, hex. */
    argumentsHash: z.string().optional(),
    decision: CallDecision.default('allowed'),
    outcome: CallOutcome,
    errorCode: z.string().optional(),
    durationMs: z.number(),
    /** Time spent waiting for the upstream, in milliseconds. */
    upstreamMs: z.number().optional(),
    requestBytes: z.int(),
    responseBytes: z.int(),
  })
  .meta({ id: 'CallRecord' });
export type CallRecord = z.infer<typeof CallRecord>;

export const callRecorded = recordStream('monitor.callRecorded', CallRecord, { maxWaiting: 200_000, gatherMs: 50 });

/** What a call carried, without secrets and cut to a bounded size; only while the flag `CALL_BODIES` is on. */
export const CallBodies = z.object({
  /** Of the call. */
  id: z.string(),
  at: z.iso.datetime(),
  /** The arguments, JSON text. */
  request: z.string().optional(),
  /** The answer, JSON text. */
  response: z.string().optional(),
});
export type CallBodies = z.infer<typeof CallBodies>;

export const callBodiesRecorded = recordStream('monitor.callBodiesRecorded', CallBodies, {
  maxWaiting: 5_000,
  maxBytes: 80_000_000,
  gatherMs: 50,
});

/** The call log, newest first. */
export const listCalls = contract('monitor.listCalls', {
  input: PageQuery.extend({
    agent: z.string().max(64).optional(),
    server: z.string().max(64).optional(),
    tool: z.string().max(256).optional(),
    method: z.string().max(128).optional(),
    outcome: CallOutcome.optional(),
    decision: CallDecision.optional(),
    endpoint: z.string().max(128).optional(),
    keyId: z.string().max(64).optional(),
    argumentsHash: z.string().max(64).optional(),
    errorCode: z.string().max(64).optional(),
    minDurationMs: z.coerce.number().min(0).optional(),
    requestId: z.string().max(64).optional(),
    traceId: z.string().max(32).optional(),
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  }),
  output: pageOf(CallRecord),
});
export type CallsQuery = z.output<typeof listCalls.input>;

export const CallDetails = z
  .object({ ...CallRecord.shape, ...CallBodies.pick({ request: true, response: true }).shape })
  .meta({ id: 'CallDetails' });
export type CallDetails = z.infer<typeof CallDetails>;

/** One call, with its bodies if they were kept. */
export const getCall = contract('monitor.getCall', {
  input: z.object({
    call: z.string().min(1).max(64),
    /** Only if it is of this agent. */ agent: z.string().optional(),
  }),
  output: CallDetails,
});

const MetricName = z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/, 'a metric name, as /metrics shows it');

/** How the points of one step become one number: per second (counters, counts), or over the values themselves. */
export const MetricAggregate = z.enum(['rate', 'count', 'sum', 'avg', 'min', 'max', 'p50', 'p90', 'p95', 'p99']);
export type MetricAggregate = z.infer<typeof MetricAggregate>;

export const MetricQuery = z.object({
  name: MetricName,
  aggregate: MetricAggregate.default('avg'),
  /** Only series with these label values. */
  labels: z.record(z.string().max(64), z.string().max(256)).default({}),
  /** One answer a combination of these labels; without any, all series as one. */
  by: z.array(z.string().max(64)).max(8).default([]),
  from: z.iso.datetime({ offset: true }),
  to: z.iso.datetime({ offset: true }),
  stepSeconds: z.int().min(10).max(31_536_000).optional(),
});
export type MetricQuery = z.output<typeof MetricQuery>;

export const MetricAnswer = z
  .object({
    name: z.string(),
    aggregate: MetricAggregate,
    stepSeconds: z.int(),
    /** Resolution of the points that were read, in seconds. */
    tierSeconds: z.int(),
    series: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        /** `[start of the step in epoch seconds, value]`; steps without data are left out. */
        points: z.array(z.tuple([z.number(), z.number()])),
      }),
    ),
  })
  .meta({ id: 'MetricAnswer' });
export type MetricAnswer = z.infer<typeof MetricAnswer>;

/** Metrics over time. */
export const queryMetrics = contract('monitor.queryMetrics', { input: MetricQuery, output: MetricAnswer });

export const MetricSeries = z
  .object({ name: z.string(), type: z.string(), labels: z.record(z.string(), z.string()) })
  .meta({ id: 'MetricSeries' });

/** Which series there are, by the beginning of their name. */
export const listMetricSeries = contract('monitor.listMetricSeries', {
  input: z.object({
    prefix: z.string().max(128).default(''),
    limit: z.coerce.number().int().min(1).max(5000).default(1000),
  }),
  output: z.object({ items: z.array(MetricSeries) }),
});

/** What an event is about; the part of its type before the dot. */
export const EventTopic = z.enum([
  'server',
  'catalogue',
  'tool',
  'finding',
  'candidate',
  'source',
  'run',
  'approval',
  'alert',
  'notifier',
  'flag',
  'agent',
  'key',
  'configuration',
]);
export type EventTopic = z.infer<typeof EventTopic>;

/** Topics that only administrators may read. */
export const ADMIN_TOPICS: readonly EventTopic[] = [
  'finding',
  'candidate',
  'source',
  'flag',
  'agent',
  'key',
  'configuration',
  'notifier',
];

/** Something that happened. Written by any service, kept by the monitor. */
export const RecordedEvent = z.object({
  /** UUIDv7, made where the event is recorded: one that is delivered twice is stored once. */
  id: z.uuid(),
  at: z.iso.datetime(),
  /** `topic.pastTense`, for example `server.added`. */
  type: z.string().regex(/^[a-z]+\.[a-zA-Z]+$/),
  /** Slug of the server that it is about. */
  server: z.string().optional(),
  /** What else it is about: the name of a flag, an agent, a tool, a rule; the id of a run. */
  subject: z.string().optional(),
  /** The agent that did it. */
  actor: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type RecordedEvent = z.infer<typeof RecordedEvent>;

export const eventRecorded = recordStream('monitor.eventRecorded', RecordedEvent);

/** A kept event. `seq` grows in the order in which events became readable. */
export const MonitorEvent = RecordedEvent.extend({ seq: z.int(), topic: z.string() }).meta({ id: 'MonitorEvent' });
export type MonitorEvent = z.infer<typeof MonitorEvent>;

const Topics = z.array(z.string().max(32)).max(EventTopic.options.length);

/** Newest first. */
export const listEvents = contract('monitor.listEvents', {
  input: PageQuery.extend({
    topics: Topics.optional(),
    type: z.string().max(64).optional(),
    server: z.string().max(64).optional(),
    subject: z.string().max(256).optional(),
    actor: z.string().max(64).optional(),
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  }),
  output: pageOf(MonitorEvent),
});
export type EventsQuery = z.output<typeof listEvents.input>;

/** What came after `after`, oldest first; without it only where the events end now. */
export const readEvents = contract('monitor.readEvents', {
  input: z.object({
    after: z.int().min(0).optional(),
    topics: Topics.optional(),
    limit: z.int().min(1).max(1000).default(500),
  }),
  output: z.object({
    items: z.array(MonitorEvent),
    /** Everything up to here was read. */
    head: z.int(),
    /** Where the kept events begin; null when none is kept. */
    oldest: z.int().nullable(),
  }),
});

/**
 * Events were kept: those after `previous` up to `head`. `items` is empty when they are too large to be told; who was at
 * another place than `previous` missed some. Both then read them.
 */
export const eventsKept = broadcast(
  'monitor.eventsKept',
  z.object({ previous: z.int(), head: z.int(), items: z.array(MonitorEvent) }),
);

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
    /** At the last evaluation; null without data. */
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
    stepSeconds: z.int(),
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
    from: z.iso.datetime({ offset: true }),
    to: z.iso.datetime({ offset: true }),
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
    startsAt: z.iso.datetime({ offset: true }).optional().meta({ description: 'Default: now' }),
    endsAt: z.iso.datetime({ offset: true }),
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

export const NewNotifier = z
  .object({
    name: RuleName,
    url: z.url().max(4096),
    /** Signs each request: `X-MCP-Router-Signature: sha256=<HMAC of timestamp, a dot, and the body>`. */
    secret: z.string().min(16).max(256),
    /** Only alerts of these severities. */
    severities: z.array(z.enum(['info', 'warning', 'critical'])).default(['warning', 'critical']),
  })
  .strict()
  .meta({ id: 'NewNotifier' });

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
  })
  .meta({ id: 'Notifier' });
export type Notifier = z.infer<typeof Notifier>;

export const listNotifiers = contract('monitor.listNotifiers', {
  input: Empty,
  output: z.object({ items: z.array(Notifier) }),
});
export const addNotifier = contract('monitor.addNotifier', { input: NewNotifier, output: Notifier });
export const removeNotifier = contract('monitor.removeNotifier', {
  input: z.object({ name: RuleName }),
  output: Empty,
});

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
  /** How much of the window is known: since the first change of its health that is kept. */
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
