import { ExponentialHistogram, type Metric, type MetricSample } from '@mcp-router/shared';

/** Past this many series of one metric, labels of many values become `other`; those of few values go on to be told. */
const MAX_SERIES = 500;
/** Series that are made so. Past them all labels become `other`. */
const MAX_FOLDED = 500;
/** Values that a label of few values has at most. */
export const FEW = 24;
/** Stands for all values of a label that are not told. */
export const OTHER = 'other';

/** A step of the way to a series, one label value each: no key has to be put together for a look-up. */
class Branch<S> {
  readonly next = new Map<string, Branch<S>>();
  series: S | undefined;

  /** The end of the way along these values, made as far as it is missing. */
  grow(labels: readonly string[]): Branch<S> {
    const [label, ...rest] = labels;
    if (label === undefined) return this;
    let next = this.next.get(label);
    if (!next) this.next.set(label, (next = new Branch()));
    return next.grow(rest);
  }
}

/** The series of one metric, found by their label values. */
class Family<S> {
  private root = new Branch<S>();
  private all: { labels: string[]; series: S }[] = [];
  /** The values of each label; undefined as long as nothing is folded. */
  private values: Set<string>[] | undefined;

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
    let branch: Branch<S> | undefined = this.root;
    for (let i = 0; branch && i < labels.length; i++) branch = branch.next.get(labels[i] ?? '');
    return branch?.series ?? this.make(labels);
  }

  /** Forgets series, for example of a server that was removed. */
  forget(matches: (labels: readonly string[]) => boolean): void {
    this.all = this.all.filter(({ labels }) => !matches(labels));
    this.values = undefined;
    this.root = new Branch();
    for (const { labels, series } of this.all) this.root.grow(labels).series = series;
  }

  toMetric(): Metric {
    const samples = this.all.map(({ labels, series }) => ({ labels, ...this.read(series) }));
    return { name: this.name, type: this.type, help: this.help, labelNames: [...this.labelNames], samples };
  }

  private make(wanted: string[]): S {
    const isFull = this.all.length >= MAX_SERIES && wanted.length > 0;
    const labels = isFull ? this.fold(wanted) : wanted;
    const end = this.root.grow(labels);
    if (end.series === undefined) this.all.push({ labels, series: (end.series = this.create()) });
    return end.series;
  }

  private fold(wanted: readonly string[]): string[] {
    if (this.all.length >= MAX_SERIES + MAX_FOLDED) return wanted.map(() => OTHER);
    const values = (this.values ??= wanted.map((_, i) => new Set(this.all.map(({ labels }) => labels[i] ?? ''))));
    return wanted.map((value, i) => {
      const known = values[i];
      if (!known || known.size > FEW) return OTHER;
      if (known.size < FEW) known.add(value);
      return known.has(value) ? value : OTHER;
    });
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
