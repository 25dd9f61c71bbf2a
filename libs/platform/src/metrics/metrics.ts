import { ExponentialHistogram, type Metric, type MetricSample } from '@mcp-router/shared';

/** Past this many series of one metric, new label values are counted in a series whose labels are all `other`. */
const MAX_SERIES = 500;
const OTHER = 'other';

const keyOf = (labels: readonly string[]): string => (labels.length === 1 ? (labels[0] ?? '') : labels.join('\u0000'));

/** The series of one metric, found by their label values. */
class Family<S> {
  private readonly series = new Map<string, { labels: string[]; series: S }>();

  constructor(
    readonly name: string,
    readonly type: Metric['type'],
    readonly help: string,
    readonly labelNames: readonly string[],
    private readonly create: () => S,
    private readonly read: (series: S) => Omit<MetricSample, 'labels'>,
  ) {}

  /** The series of these label values, in the order of the label names. Keep it where the same labels come often. */
  with(...labels: string[]): S {
    return (this.series.get(keyOf(labels)) ?? this.make(labels)).series;
  }

  /** Forgets series, for example of a server that was removed. */
  forget(matches: (labels: readonly string[]) => boolean): void {
    for (const [key, { labels }] of this.series) if (matches(labels)) this.series.delete(key);
  }

  toMetric(): Metric {
    const samples = [...this.series.values()].map(({ labels, series }) => ({ labels, ...this.read(series) }));
    return { name: this.name, type: this.type, help: this.help, labelNames: [...this.labelNames], samples };
  }

  private make(wanted: string[]): { labels: string[]; series: S } {
    const isFull = this.series.size >= MAX_SERIES && wanted.length > 0;
    const labels = isFull ? wanted.map(() => OTHER) : wanted;
    const existing = this.series.get(keyOf(labels));
    if (existing) return existing;
    const made = { labels, series: this.create() };
    this.series.set(keyOf(labels), made);
    return made;
  }
}

/** A number that only grows. */
export class Counter {
  value = 0;
  add(n = 1): void {
    this.value += n;
  }
}

/** A number that goes up and down. */
export class Gauge {
  value = 0;
  set(value: number): void {
    this.value = value;
  }
  add(n: number): void {
    this.value += n;
  }
}

export type CounterFamily = Family<Counter>;
export type GaugeFamily = Family<Gauge>;
export type HistogramFamily = Family<ExponentialHistogram>;

/** What this process measures. One per process: a metric is declared once, where it is measured. */
export class Metrics {
  private readonly families = new Map<string, Family<never>>();
  private readonly collectors: (() => void)[] = [];

  counter(name: string, help: string, labelNames: readonly string[] = []): CounterFamily {
    return this.family(
      name,
      'counter',
      help,
      labelNames,
      () => new Counter(),
      ({ value }) => ({ value }),
    );
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): GaugeFamily {
    return this.family(
      name,
      'gauge',
      help,
      labelNames,
      () => new Gauge(),
      ({ value }) => ({ value }),
    );
  }

  histogram(name: string, help: string, labelNames: readonly string[] = []): HistogramFamily {
    const read = (histogram: ExponentialHistogram) => ({ histogram: histogram.toData() });
    return this.family(name, 'histogram', help, labelNames, () => new ExponentialHistogram(), read);
  }

  /** Runs `collect` before each reading: for gauges that are looked up rather than counted. */
  onRead(collect: () => void): void {
    this.collectors.push(collect);
  }

  read(): Metric[] {
    for (const collect of this.collectors) collect();
    return [...this.families.values()].map((family) => family.toMetric());
  }

  private family<S>(
    name: string,
    type: Metric['type'],
    help: string,
    labelNames: readonly string[],
    create: () => S,
    read: (series: S) => Omit<MetricSample, 'labels'>,
  ): Family<S> {
    const existing = this.families.get(name);
    if (existing) return existing as unknown as Family<S>;
    const family = new Family(name, type, help, labelNames, create, read);
    this.families.set(name, family as unknown as Family<never>);
    return family;
  }
}

/** The process's metrics. */
export const metrics = new Metrics();
