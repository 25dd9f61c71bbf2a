import type { HistogramData, Metric, MetricSample } from '@mcp-router/shared';
import { SPAN_KINDS, type Attributes, type AttributeValue, type FinishedSpan } from './span';

/*
 * OTLP as JSON: protobuf's JSON mapping with ids in hex and 64-bit integers as strings.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */

const SCOPE = { name: 'mcp-router' };
const STATUS_ERROR = 2;
const CUMULATIVE = 2;
/** 2^(2^-5) is the base of our histograms. */
const SCALE = 5;

/** Names that OpenTelemetry has for what Prometheus cannot write with dots. */
const NAMES: Record<string, string | undefined> = {
  mcp_server_operation_duration_seconds: 'mcp.server.operation.duration',
  mcp_client_operation_duration_seconds: 'mcp.client.operation.duration',
  mcp_server_session_duration_seconds: 'mcp.server.session.duration',
  gen_ai_client_operation_duration_seconds: 'gen_ai.client.operation.duration',
  gen_ai_client_token_usage: 'gen_ai.client.token.usage',
  process_cpu_seconds_total: 'process.cpu.time',
  process_resident_memory_bytes: 'process.memory.usage',
  nodejs_gc_duration_seconds: 'v8js.gc.duration',
  container_cpu_time_seconds_total: 'container.cpu.time',
  container_memory_usage_bytes: 'container.memory.usage',
  system_cpu_time_seconds_total: 'system.cpu.time',
  system_memory_usage_bytes: 'system.memory.usage',
  system_filesystem_usage_bytes: 'system.filesystem.usage',
  system_network_io_bytes_total: 'system.network.io',
};
const LABELS: Record<string, string | undefined> = {
  mcp_method_name: 'mcp.method.name',
  gen_ai_tool_name: 'gen_ai.tool.name',
  gen_ai_request_model: 'gen_ai.request.model',
  gen_ai_token_type: 'gen_ai.token.type',
  error_type: 'error.type',
  network_transport: 'network.transport',
  http_response_status_code: 'http.response.status_code',
  server: 'mcp_router.server',
  agent: 'mcp_router.agent',
};

export function tracesJson(spans: readonly FinishedSpan[], resource: Attributes): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesJson(resource) },
        scopeSpans: [{ scope: SCOPE, spans: spans.map(spanJson) }],
      },
    ],
  };
}

function spanJson({ context, parentSpanId, name, kind, startedAt, endedAt, attributes, error }: FinishedSpan): object {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: SPAN_KINDS[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(Math.max(startedAt, endedAt)),
    attributes: attributesJson(attributes),
    ...(error === undefined ? {} : { status: { code: STATUS_ERROR, message: error } }),
    flags: 1,
  };
}

/**
 * @param startedAt since when counters and histograms count, epoch milliseconds
 * @param at when they were read
 */
export function metricsJson(metrics: readonly Metric[], resource: Attributes, startedAt: number, at: number): object {
  const times = { startTimeUnixNano: nanoseconds(startedAt), timeUnixNano: nanoseconds(at) };
  const all = metrics.filter(({ samples }) => samples.length > 0).map((metric) => metricJson(metric, times));
  return {
    resourceMetrics: [
      { resource: { attributes: attributesJson(resource) }, scopeMetrics: [{ scope: SCOPE, metrics: all }] },
    ],
  };
}

interface Times {
  startTimeUnixNano: string;
  timeUnixNano: string;
}

function metricJson({ name, type, help, labelNames, samples }: Metric, times: Times): object {
  const points = samples.map((sample) => ({
    attributes: labelsJson(labelNames, sample),
    ...times,
    ...valueJson(sample),
  }));
  const head = { name: NAMES[name] ?? ownName(name), description: help, unit: unitOf(name) };
  if (type === 'gauge') return { ...head, gauge: { dataPoints: points } };
  if (type === 'counter')
    return { ...head, sum: { dataPoints: points, aggregationTemporality: CUMULATIVE, isMonotonic: true } };
  return { ...head, exponentialHistogram: { dataPoints: points, aggregationTemporality: CUMULATIVE } };
}

function valueJson({ value, histogram }: MetricSample): object {
  return histogram ? histogramJson(histogram) : { asDouble: value ?? 0 };
}

function histogramJson({ count, sum, min, max, zeros, offset, counts }: HistogramData): object {
  return {
    count: String(count),
    sum,
    ...(count > 0 ? { min, max } : {}),
    scale: SCALE,
    zeroCount: String(zeros),
    positive: { offset, bucketCounts: counts.map(String) },
    negative: { offset: 0, bucketCounts: [] },
  };
}

/** `mcp_router_queue_depth` is `mcp_router.queue_depth`: the unit has a field of its own, a counter shows by its type. */
function ownName(name: string): string {
  return name
    .replace(/_total$/, '')
    .replace(/_(seconds|bytes)$/, '')
    .replace(/^mcp_router_/, 'mcp_router.');
}

function unitOf(name: string): string {
  const unit = /_(seconds|bytes)(_total)?$/.exec(name)?.[1];
  return unit === 'seconds' ? 's' : unit === 'bytes' ? 'By' : '1';
}

function labelsJson(names: readonly string[], { labels }: MetricSample): object[] {
  // An empty label is an attribute that is not there.
  return attributesJson(Object.fromEntries(names.map((name, i) => [LABELS[name] ?? name, labels[i] || undefined])));
}

function attributesJson(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueOf(value) }],
  );
}

function valueOf(value: AttributeValue): object {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'string') return { stringValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Of epoch milliseconds, as text: more digits than a number has. */
function nanoseconds(milliseconds: number): string {
  const whole = Math.floor(milliseconds);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6)));
}
