import { z } from 'zod';
import { contract, type Contract } from '../contracts/contract';
import { Empty } from '../page';
import { HistogramData } from './exponential-histogram';

/** One series of a metric at one moment: its label values in the order of the metric's label names. */
export const MetricSample = z.object({
  labels: z.array(z.string()),
  /** Counters and gauges. */
  value: z.number().optional(),
  histogram: HistogramData.optional(),
});
export type MetricSample = z.infer<typeof MetricSample>;

/** A metric of one process with all its series. Counters and histograms count since the process started. */
export const Metric = z.object({
  /** `mcp_router_calls_total`; units are base units (seconds, bytes) and stand in the name. */
  name: z.string(),
  type: z.enum(['counter', 'gauge', 'histogram']),
  help: z.string(),
  labelNames: z.array(z.string()),
  samples: z.array(MetricSample),
});
export type Metric = z.infer<typeof Metric>;

/** What one instance of an app measures now; every app answers it. */
export const readMetricsOf = (app: string): Contract<typeof Empty, z.ZodArray<typeof Metric>> =>
  contract(`${app}.readMetrics`, { input: Empty, output: z.array(Metric), timeoutMs: 2_000 });
