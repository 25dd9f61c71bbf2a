import fc from 'fast-check';
import { parseExposition } from '../testing/metrics/exposition-parser';
import { readFamilies, readSamples } from '../testing/metrics/npm-parser';
import { toExposition, type ExpositionFormat } from './exposition';
import type { LabelledMetric } from './fold-series';
import { Metrics } from './metrics';

const FORMATS: ExpositionFormat[] = ['prometheus', 'openmetrics'];
const from = (metrics: Metrics, ...instances: string[]): LabelledMetric[] =>
  instances.flatMap((instance) =>
    metrics.read().map((metric) => ({ ...metric, common: { service: instance.split('-')[0] ?? '', instance } })),
  );

const equals = (a: object, b: object): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

describe.each(FORMATS)('metrics as %s', (format) => {
  it('can be read by the letter of the specification, whatever stands in labels and help', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '{', '}', ',', '=', ' ', '😀', '\r') });
    fc.assert(
      fc.property(
        text,
        fc.array(fc.tuple(text, text, fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })), { maxLength: 8 }),
        (help, series) => {
          const metrics = new Metrics();
          const counter = metrics.counter('c_total', help, ['a', 'b']);
          const histogram = metrics.histogram('h_seconds', help, ['a', 'b']);
          const bytes = metrics.histogram('h_bytes', help, ['a']);
          for (const [a, b, value] of series) {
            counter.with(a, b).add(value);
            histogram.with(a, b).record(value);
            bytes.with(a).record(value);
          }
          metrics.gauge('g', help).with().set(-1e-9);
          const families = parseExposition(toExposition(from(metrics, 'x-1', 'x-2'), format), format);
          const counted = families.get(format === 'openmetrics' ? 'c' : 'c_total');
          expect(counted?.help).toBe(help);
          for (const [a, b] of series)
            expect(counted?.samples.filter(({ labels }) => labels['a'] === a && labels['b'] === b)).toHaveLength(2);
        },
      ),
    );
  });

  it('are read to the same by a parser of others, whatever stands in labels', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'é', '"', '\\', '\n', '{', '}', ',', '=', ' ', '😀', '\r', '#'),
    });
    const value = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text, value), { maxLength: 8 }), (series) => {
        const metrics = new Metrics();
        const counter = metrics.counter('c_total', 'Counts "all" \\ of them', ['a', 'b']);
        const histogram = metrics.histogram('h_seconds', 'Times', ['a', 'b']);
        const gauge = metrics.gauge('g', 'Now', ['a', 'b']);
        for (const [a, b, n] of series) {
          counter.with(a, b).add(n);
          histogram.with(a, b).record(n);
          gauge.with(a, b).set(1 - n);
        }
        const written = toExposition(from(metrics, 'x-1'), format);
        const theirs = readSamples(written);
        const common = { service: 'x', instance: 'x-1' };
        const sampleOf = (name: string, a: string, b: string, more = {}) => {
          const labels = { ...common, a, b, ...more };
          return theirs
            .filter((sample) => sample.name === name && equals(sample.labels, labels))
            .map((found) => found.value);
        };
        for (const { name, samples } of metrics.read())
          for (const { labels, value: single, histogram: many } of samples) {
            const [a = '', b = ''] = labels;
            if (single !== undefined) expect(sampleOf(name, a, b)).toEqual([single]);
            else {
              expect(sampleOf(`${name}_count`, a, b)).toEqual([many?.count]);
              expect(sampleOf(`${name}_sum`, a, b)).toEqual([many?.sum]);
              expect(sampleOf(`${name}_bucket`, a, b, { le: '+Inf' })).toEqual([many?.count]);
            }
          }
        const own = [...parseExposition(written, format).values()].flatMap(({ samples }) => samples);
        expect(theirs).toHaveLength(own.length);
        if (format === 'prometheus')
          expect(readFamilies(written)).toEqual(
            expect.arrayContaining([
              { name: 'c_total', type: 'counter', help: 'Counts "all" \\ of them' },
              { name: 'h_seconds', type: 'histogram', help: 'Times' },
              { name: 'g', type: 'gauge', help: 'Now' },
            ]),
          );
      }),
    );
  });

  it('are at most 5,000 series under a label bomb, with nothing lost and the small families whole', () => {
    const metrics = new Metrics();
    const names = Array.from({ length: 6 }, (_, i) => `bomb_${i}_total`);
    for (const name of names) {
      const counter = metrics.counter(name, 'Bomb', ['tool']);
      for (let i = 0; i < 2_000; i++) counter.with(`tool-${i}`).add();
    }
    const histogram = metrics.histogram('bomb_seconds', 'Bomb', ['tool']);
    for (let i = 0; i < 2_000; i++) histogram.with(`tool-${i}`).record(i / 100);
    const small = metrics.gauge('small', 'Small', ['x']);
    for (let i = 0; i < 10; i++) small.with(String(i)).set(i);
    const read = from(metrics, 'router-1', 'router-2', 'gateway-1');
    const text = toExposition(read, format);
    const families = parseExposition(text, format);
    const samples = [...families.values()].flatMap((family) => family.samples);
    expect(samples.length).toBeLessThanOrEqual(5_000);
    expect(samples.length).toBeGreaterThan(4_500);
    expect(families.get('small')?.samples).toHaveLength(30);
    for (const name of names) {
      const all = families.get(format === 'openmetrics' ? name.replace('_total', '') : name)?.samples ?? [];
      expect(all.reduce((sum, { value }) => sum + value, 0)).toBe(6_000);
      expect(all.at(-1)?.labels).toEqual({ service: 'gateway', instance: 'other', tool: 'other' });
    }
    const counts = families.get('bomb_seconds')?.samples.filter(({ name }) => name === 'bomb_seconds_count') ?? [];
    expect(counts.reduce((sum, { value }) => sum + value, 0)).toBe(6_000);
    expect(families.get('mcp_router_series_folded')?.samples[0]?.value).toBeGreaterThan(1_000);
    // What stays is the same when more comes.
    metrics.counter('bomb_0_total', '', ['tool']).with('late').add();
    const again = parseExposition(toExposition(from(metrics, 'router-1', 'router-2', 'gateway-1'), format), format);
    expect([...again.values()].flatMap((family) => family.samples).length).toBe(samples.length);
  });
});

it('fold labels of many values only, while there is room for those of few', () => {
  const read = ['router-1', 'router-2'].flatMap((instance) => {
    const samples = Array.from({ length: 3_000 }, (_, i) => ({
      labels: [`tool-${i}`, i % 10 ? '' : 'timeout'],
      value: 1,
    }));
    const metric = {
      name: 'calls_total',
      type: 'counter' as const,
      help: '',
      labelNames: ['tool', 'error_type'],
      samples,
    };
    return [{ ...metric, common: { service: 'router', instance } }];
  });
  const { samples = [] } = parseExposition(toExposition(read, 'prometheus'), 'prometheus').get('calls_total') ?? {};
  const failed = samples.filter(({ labels }) => labels['error_type'] === 'timeout');
  expect(samples.length).toBeLessThanOrEqual(5_000);
  expect(failed.reduce((sum, { value }) => sum + value, 0)).toBe(600);
  expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(6_000);
});

it.each([
  ['no end of the line', 'a 1'],
  ['a sample without a type', 'a 1\n'],
  ['a series that is there twice', '# HELP a x\n# TYPE a gauge\na{b="1"} 1\na{b="1"} 2\n'],
  ['a value that is none', '# HELP a x\n# TYPE a gauge\na one\n'],
  ['a quote in a label', '# HELP a x\n# TYPE a gauge\na{b="""} 1\n'],
  [
    'buckets that shrink',
    '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ],
  ['another family’s sample', '# HELP a x\n# TYPE a gauge\nb 1\n'],
])('the reader of these tests refuses %s', (_, text) => {
  expect(() => parseExposition(text, 'prometheus')).toThrow();
});
