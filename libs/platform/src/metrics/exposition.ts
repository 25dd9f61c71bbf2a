import { ExponentialHistogram, type HistogramData, type Metric } from '@mcp-router/shared';

/** Upper bounds of the buckets of durations, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const BYTES = [100, 1e3, 1e4, 1e5, 1e6, 1e7];

/** A metric of one instance, with the labels that tell the instance. */
export interface LabelledMetric extends Metric {
  common: Record<string, string>;
}

export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const CONTENT_TYPES: Record<ExpositionFormat, string> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * Metrics as text for Prometheus: one family per name, however many instances have it.
 *
 * @param maxSeries past it series are left out, and `mcp_router_series_dropped` says how many
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function toExposition(all: readonly LabelledMetric[], format: ExpositionFormat, maxSeries = 5_000): string {
  const lines: string[] = [];
  let series = 0;
  let dropped = 0;
  for (const [name, family] of groupByName(all)) {
    const { type, help } = family[0] as LabelledMetric;
    // OpenMetrics names a counter's family without the suffix that its samples have.
    const familyName = format === 'openmetrics' && type === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${familyName} ${escapeHelp(help)}`, `# TYPE ${familyName} ${type}`);
    for (const { common, labelNames, samples } of family) {
      for (const sample of samples) {
        if (series >= maxSeries) {
          dropped++;
          continue;
        }
        series++;
        const own = labelNames.map((label, i) => [label, sample.labels[i] ?? ''] as const);
        const labels = { ...common, ...Object.fromEntries(own) };
        if (sample.histogram) lines.push(...histogramLines(name, labels, sample.histogram));
        else lines.push(`${name}${labelText(labels)} ${numberText(sample.value ?? 0)}`);
      }
    }
  }
  lines.push('# HELP mcp_router_series_dropped Series left out of this answer');
  lines.push('# TYPE mcp_router_series_dropped gauge', `mcp_router_series_dropped ${dropped}`);
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

function histogramLines(name: string, labels: Record<string, string>, data: HistogramData): string[] {
  const histogram = new ExponentialHistogram();
  histogram.merge(data);
  const bounds = name.endsWith('_bytes') ? BYTES : SECONDS;
  const bucket = (le: string, n: number) => `${name}_bucket${labelText({ ...labels, le })} ${n}`;
  return [
    ...bounds.map((bound) => bucket(numberText(bound), histogram.countAtMost(bound))),
    bucket('+Inf', histogram.count),
    `${name}_sum${labelText(labels)} ${numberText(histogram.sum)}`,
    `${name}_count${labelText(labels)} ${histogram.count}`,
  ];
}

function groupByName(all: readonly LabelledMetric[]): Map<string, LabelledMetric[]> {
  const groups = new Map<string, LabelledMetric[]>();
  for (const metric of all) {
    const group = groups.get(metric.name);
    if (group) group.push(metric);
    else groups.set(metric.name, [metric]);
  }
  return groups;
}

function labelText(labels: Record<string, string>): string {
  const entries = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return entries.length === 0 ? '' : `{${entries.join(',')}}`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (value: string): string => escapeHelp(value).replaceAll('"', '\\"');

function numberText(n: number): string {
  if (n === Infinity) return '+Inf';
  return n === -Infinity ? '-Inf' : String(n);
}
