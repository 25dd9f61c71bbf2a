import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/*
 * A stand-in for an OpenTelemetry collector that takes only what the protocol allows: strict schemas of the JSON encoding,
 * written from opentelemetry-proto and apart from the code that is tested.
 */

const Hex = (digits: number) => z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${digits}}$`));
/** 64-bit integers are decimal strings. */
const Fixed64 = z.string().regex(/^\d{1,20}$/);
const AnyValue = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ doubleValue: z.number() }),
]);
const Attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: AnyValue }))
  .refine((all) => new Set(all.map(({ key }) => key)).size === all.length, 'keys are unique');
const Resource = z.strictObject({ attributes: Attributes });
const Scope = z.strictObject({ name: z.string(), version: z.string().optional() });

export const CollectedSpan = z
  .strictObject({
    traceId: Hex(32),
    spanId: Hex(16),
    parentSpanId: Hex(16).optional(),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: Fixed64,
    endTimeUnixNano: Fixed64,
    attributes: Attributes,
    status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }).optional(),
    flags: z.int().min(0).optional(),
  })
  .refine((span) => BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), 'ends after it starts');
export type CollectedSpan = z.infer<typeof CollectedSpan>;

const Traces = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: Resource,
      scopeSpans: z.array(z.strictObject({ scope: Scope, spans: z.array(CollectedSpan).min(1) })),
    }),
  ),
});

const Point = { attributes: Attributes, startTimeUnixNano: Fixed64, timeUnixNano: Fixed64 };
const NumberPoint = z.strictObject({ ...Point, asDouble: z.number() });
const Buckets = z.strictObject({ offset: z.int(), bucketCounts: z.array(Fixed64) });
const HistogramPoint = z
  .strictObject({
    ...Point,
    count: Fixed64,
    sum: z.number(),
    min: z.number().optional(),
    max: z.number().optional(),
    scale: z.int().min(-10).max(20),
    zeroCount: Fixed64,
    positive: Buckets,
    negative: Buckets,
  })
  .refine(({ count, zeroCount, positive, negative }) => {
    const all = [zeroCount, ...positive.bucketCounts, ...negative.bucketCounts];
    return all.reduce((sum, n) => sum + BigInt(n), 0n) === BigInt(count);
  }, 'the buckets add up to the count');
const Temporality = z.union([z.literal(1), z.literal(2)]);
const Head = { name: z.string().regex(/^[a-zA-Z][\w./-]{0,254}$/), description: z.string(), unit: z.string().max(63) };
export const CollectedMetric = z.union([
  z.strictObject({ ...Head, gauge: z.strictObject({ dataPoints: z.array(NumberPoint).min(1) }) }),
  z.strictObject({
    ...Head,
    sum: z.strictObject({
      dataPoints: z.array(NumberPoint).min(1),
      aggregationTemporality: Temporality,
      isMonotonic: z.boolean(),
    }),
  }),
  z.strictObject({
    ...Head,
    exponentialHistogram: z.strictObject({
      dataPoints: z.array(HistogramPoint).min(1),
      aggregationTemporality: Temporality,
    }),
  }),
]);
export type CollectedMetric = z.infer<typeof CollectedMetric>;

const MetricsRequest = z.strictObject({
  resourceMetrics: z.array(
    z.strictObject({
      resource: Resource,
      scopeMetrics: z.array(z.strictObject({ scope: Scope, metrics: z.array(CollectedMetric).min(1) })),
    }),
  ),
});

export interface Collector {
  url: string;
  spans: (CollectedSpan & { service: string })[];
  metrics: Map<string, CollectedMetric>;
  /** What was not as the protocol wants it. */
  faults: string[];
  headers: IncomingMessage['headers'][];
  /** Statuses of the next answers, in order; 200 when there is none. */
  refuseWith: number[];
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      collector.headers.push(request.headers);
      const status = collector.refuseWith.shift() ?? 200;
      if (status === 200) take(request.url ?? '', text);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  const take = (path: string, text: string): void => {
    const schema = path === '/v1/traces' ? Traces : path === '/v1/metrics' ? MetricsRequest : undefined;
    const result = schema?.safeParse(JSON.parse(text));
    if (!result?.success) return void collector.faults.push(`${path}: ${result?.error.message ?? 'unknown path'}`);
    const { data } = result;
    if ('resourceSpans' in data)
      for (const { resource, scopeSpans } of data.resourceSpans)
        for (const span of scopeSpans.flatMap(({ spans }) => spans))
          collector.spans.push({ ...span, service: textOf(resource.attributes, 'service.name') });
    else
      for (const { metrics } of data.resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics))
        for (const metric of metrics) collector.metrics.set(metric.name, metric);
  };
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: [],
    metrics: new Map(),
    faults: [],
    headers: [],
    refuseWith: [],
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return collector;
}

/** The text of an attribute; empty without it. */
export function textOf(attributes: z.infer<typeof Attributes>, key: string): string {
  const value = attributes.find((attribute) => attribute.key === key)?.value;
  return value && 'stringValue' in value ? value.stringValue : '';
}
