import { ExponentialHistogram, type HistogramData, type Metric } from '@mcp-router/shared';
import { foldSeries, type LabelledMetric } from './fold-series';

/** Upper bounds of the buckets of durations, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const BYTES = [100, 1e3, 1e4, 1e5, 1e6, 1e7];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Record<ExpositionFormat, string> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Lines that are always there: those that tell how many series were folded. */
const OWN_SERIES = 1;

/**
 * Metrics as text for Prometheus: one family per name, however many instances have it.
 *
 * @param maxSeries past it the series that came last are folded into one of each service whose labels are `other`, those
 * of the largest families first; each bucket, sum and count of a histogram is a series, as Prometheus counts
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function toExposition(all: readonly LabelledMetric[], format: ExpositionFormat, maxSeries = 5_000): string {
  const lines: string[] = [];
  const { families, folded } = foldSeries(all, maxSeries - OWN_SERIES, widthOf);
  for (const { name, type, help, series } of families) {
    // OpenMetrics names a counter's family without the suffix that its samples have.
    const familyName = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${familyName} ${escapeHelp(help, format)}`, `# TYPE ${familyName} ${type}`);
    for (const { labels, value, histogram } of series) {
      if (histogram) lines.push(...histogramLines(name, labels, histogram));
      else lines.push(`${name}${labelText(labels)} ${numberText(value ?? 0)}`);
    }
  }
  lines.push('# HELP mcp_router_series_folded Series that are told as one, since there are too many');
  lines.push('# TYPE mcp_router_series_folded gauge', `mcp_router_series_folded ${folded}`);
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** How many series of Prometheus one of ours is. */
function widthOf({ name, type }: Pick<Metric, 'name' | 'type'>): number {
  return type === 'histogram' ? boundsOf(name).length + 3 : 1;
}

function boundsOf(name: string): readonly number[] {
  if (name.endsWith('_bytes')) return BYTES;
  return name.endsWith('_token_usage') ? TOKENS : SECONDS;
}

function histogramLines(name: string, labels: Record<string, string>, data: HistogramData): string[] {
  const histogram = new ExponentialHistogram();
  histogram.merge(data);
  const bucket = (le: string, n: number) => `${name}_bucket${labelText({ ...labels, le })} ${n}`;
  return [
    ...boundsOf(name).map((bound) => bucket(numberText(bound), histogram.countAtMost(bound))),
    bucket('+Inf', histogram.count),
    `${name}_sum${labelText(labels)} ${numberText(histogram.sum)}`,
    `${name}_count${labelText(labels)} ${histogram.count}`,
  ];
}

function labelText(labels: Record<string, string>): string {
  const entries = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return entries.length === 0 ? '' : `{${entries.join(',')}}`;
}

const escapeText = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (value: string): string => escapeText(value).replaceAll('"', '\\"');

/** OpenMetrics escapes quotes in help too. */
function escapeHelp(text: string, format: ExpositionFormat): string {
  return format === 'openmetrics' ? escapeLabel(text) : escapeText(text);
}

function numberText(n: number): string {
  if (n === Infinity) return '+Inf';
  return n === -Infinity ? '-Inf' : String(n);
}
