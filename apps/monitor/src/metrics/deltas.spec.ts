import { ExponentialHistogram, type Metric } from '@mcp-router/shared';
import { Deltas, type Reading } from './deltas';

const counter = (value: number): Metric => ({
  name: 'c_total',
  type: 'counter',
  help: '',
  labelNames: ['x'],
  samples: [{ labels: ['1'], value }],
});
const gauge = (value: number): Metric => ({
  name: 'g',
  type: 'gauge',
  help: '',
  labelNames: [],
  samples: [{ labels: [], value }],
});
const histogram = (values: number[]): Metric => {
  const recorded = new ExponentialHistogram();
  for (const value of values) recorded.record(value);
  return {
    name: 'h',
    type: 'histogram',
    help: '',
    labelNames: [],
    samples: [{ labels: [], histogram: recorded.toData() }],
  };
};
const of = (instance: string, ...metrics: Metric[]): Reading => ({ instance, service: 'router', metrics });

describe('what happened between two readings', () => {
  it('is the increase, over all instances, whatever was there before collecting began', () => {
    const deltas = new Deltas();
    expect(deltas.take(0, [of('a', counter(100)), of('b', counter(50))])).toEqual([]);
    const [change] = deltas.take(10, [of('a', counter(103)), of('b', counter(54))]);
    expect(change?.key).toEqual({ name: 'c_total', type: 'counter', labels: { service: 'router', x: '1' } });
    expect(change?.point.sum).toBe(7);
  });

  it('is all that an instance has which started since, also after a crash and restart', () => {
    const deltas = new Deltas();
    deltas.take(0, [of('a', counter(100))]);
    expect(deltas.take(10, [of('a2', counter(4))])[0]?.point.sum).toBe(4);
  });

  it('is all that is there of what began anew: a server that was removed and is back, the CPU time of a new child', () => {
    const deltas = new Deltas();
    deltas.take(0, [of('a', counter(100), histogram([1, 2, 3]))]);
    const changes = deltas.take(10, [of('a', counter(4), histogram([5]))]);
    expect(changes.map(({ point: { count, sum, min, max } }) => [count, sum, min, max])).toEqual([
      [1, 4, 4, 4],
      [1, 5, 5, 5],
    ]);
    expect(deltas.take(20, [of('a', counter(6), histogram([5, 7]))]).map(({ point }) => point.sum)).toEqual([2, 7]);
    expect(deltas.take(30, [of('a', counter(5))])).toEqual([]);
  });

  it('is told with the next reading if it could not be stored', () => {
    const deltas = new Deltas();
    deltas.take(0, [of('a', counter(100))]);
    expect(deltas.take(10, [of('a', counter(103))])[0]?.point.sum).toBe(3);
    deltas.undo();
    expect(deltas.take(20, [of('a', counter(104))])[0]?.point.sum).toBe(4);
    expect(deltas.take(30, [of('a', counter(105))])[0]?.point.sum).toBe(1);
  });

  it('is told by an instance that did not answer once it does, and is not told twice', () => {
    const deltas = new Deltas();
    const silent: Reading = { instance: 'a', service: 'router', metrics: undefined };
    deltas.take(0, [of('a', counter(100))]);
    expect(deltas.take(10, [silent])).toEqual([]);
    expect(deltas.take(20, [silent])).toEqual([]);
    expect(deltas.take(30, [of('a', counter(103))])[0]?.point.sum).toBe(3);
  });

  it('is not counted twice when an instance was not heard of for a moment', () => {
    const deltas = new Deltas();
    deltas.take(0, [of('a', counter(100))]);
    deltas.take(10, []);
    deltas.take(20, []);
    deltas.undo();
    expect(deltas.take(30, [of('a', counter(103))])[0]?.point.sum).toBe(3);
  });

  it('does not remember instances for ever', () => {
    const deltas = new Deltas();
    deltas.take(0, [of('a', counter(100))]);
    for (let at = 10; at < 5_000; at += 10) deltas.take(at, []);
    expect(deltas.take(5_000, [of('a', counter(103))])[0]?.point.sum).toBe(103);
  });

  it('is not what an instance has that was there before collecting began and answers late', () => {
    const deltas = new Deltas();
    deltas.take(0, [{ instance: 'a', service: 'router', metrics: undefined }]);
    expect(deltas.take(10, [of('a', counter(100))])).toEqual([]);
    expect(deltas.take(20, [of('a', counter(101))])[0]?.point.sum).toBe(1);
  });

  it('is all of an instance that is new and did not answer at first', () => {
    const deltas = new Deltas();
    deltas.take(0, []);
    deltas.take(10, [{ instance: 'b', service: 'router', metrics: undefined }]);
    expect(deltas.take(20, [of('b', counter(5))])[0]?.point.sum).toBe(5);
  });

  it('is one observation a process of a gauge', () => {
    const [change] = new Deltas().take(0, [of('a', gauge(10)), of('b', gauge(30))]);
    expect(change?.point).toMatchObject({ count: 2, sum: 40, min: 10, max: 30 });
  });

  it('is a histogram of the new values only', () => {
    const deltas = new Deltas();
    deltas.take(0, [of('a', histogram([1, 1000]))]);
    const [change] = deltas.take(10, [of('a', histogram([1, 1000, 8, 8, 9]))]);
    expect(change?.point).toMatchObject({ count: 3, sum: 25 });
    expect(change?.point.min).toBeGreaterThan(7.7);
    expect(change?.point.max).toBeLessThan(9.3);
    expect(deltas.take(20, [of('a', histogram([1, 1000, 8, 8, 9]))])).toEqual([]);
  });
});
