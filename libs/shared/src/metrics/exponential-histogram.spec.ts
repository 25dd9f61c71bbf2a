import fc from 'fast-check';
import { ExponentialHistogram } from './exponential-histogram';

const positive = fc.double({ min: 1e-6, max: 1e9, noNaN: true });

function of(values: number[]): ExponentialHistogram {
  const histogram = new ExponentialHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

function exactQuantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length, Math.max(1, Math.ceil(q * sorted.length))) - 1] ?? NaN;
}

describe('an exponential histogram', () => {
  it('gives quantiles within 1.2 % of the exact ones, however the values were split and merged', () => {
    const quantile = fc.constantFrom(0, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1);
    fc.assert(
      fc.property(
        fc.array(fc.array(positive, { maxLength: 50 }), { minLength: 1, maxLength: 8 }),
        quantile,
        (parts, q) => {
          const all = parts.flat();
          fc.pre(all.length > 0);
          const merged = new ExponentialHistogram();
          for (const part of parts) merged.merge(of(part).toData());
          const exact = exactQuantile(all, q);
          expect(Math.abs(merged.quantile(q) - exact) / exact).toBeLessThanOrEqual(0.012);
          expect(merged.count).toBe(all.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is the same whether values were recorded in one place or merged', () => {
    fc.assert(
      fc.property(fc.array(positive), fc.array(positive), (a, b) => {
        const merged = of(a);
        merged.merge(of(b).toData());
        const { sum, ...rest } = of([...a, ...b]).toData();
        const data = merged.toData();
        expect(data).toMatchObject(rest);
        expect(data.sum).toBeCloseTo(sum, 0);
      }),
    );
  });

  it('counts zeros, negative and extreme values without growing beyond bounds', () => {
    const histogram = of([0, -1, 1e-300, 1e300, Infinity, NaN]);
    expect(histogram.count).toBe(4);
    expect(histogram.toData().counts.length).toBeLessThanOrEqual(64 * 32);
    expect(histogram.quantile(0)).toBe(-1);
    expect(histogram.countAtMost(0)).toBe(2);
  });

  it('is empty without values', () => {
    expect(new ExponentialHistogram().quantile(0.5)).toBeNaN();
    expect(new ExponentialHistogram().toData().counts).toEqual([]);
  });
});
