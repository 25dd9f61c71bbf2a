import { z } from 'zod';
import { Instant } from '../instant';
import { contract } from './contract';

/** Name of a metric of the monitor. */
export const MetricName = z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,127}$/, 'a metric name, as /metrics shows it');

/**
 * How the points of one step become one number: per second (counters, counts), or over the values themselves. A gauge has
 * `avg`, `min` and `max`; percentiles are of histograms.
 */
export const MetricAggregate = z.enum(['rate', 'count', 'sum', 'avg', 'min', 'max', 'p50', 'p90', 'p95', 'p99']);
export type MetricAggregate = z.infer<typeof MetricAggregate>;

export const MetricQuery = z.object({
  name: MetricName,
  aggregate: MetricAggregate.default('avg'),
  /** Only series with these label values. */
  labels: z.record(z.string().max(64), z.string().max(256)).default({}),
  /** Without series that have one of these label values: `{"error_type": ""}` leaves what went well out. */
  except: z.record(z.string().max(64), z.string().max(256)).default({}),
  /** One answer a combination of these labels; without any, all series as one. */
  by: z.array(z.string().max(64)).max(8).default([]),
  /** Only so many of the answers: those with the highest value in any step, the highest first. */
  top: z.int().min(1).max(100).optional(),
  from: Instant,
  to: Instant,
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

/** Which series there are, by the beginning of their name, in the order of their names. */
export const listMetricSeries = contract('monitor.listMetricSeries', {
  input: z.object({
    prefix: z.string().max(128).default(''),
    cursor: z.string().max(1024).optional(),
    limit: z.coerce.number().int().min(1).max(5000).default(1000),
  }),
  output: z.object({ items: z.array(MetricSeries), nextCursor: z.string().nullable().default(null) }),
});
