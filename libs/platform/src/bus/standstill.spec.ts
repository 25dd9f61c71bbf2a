import { Standstill } from './standstill';

describe('how long a process stood still', () => {
  it('is nothing while it looks about as often as it should, and at its first look', () => {
    const standstill = new Standstill(500);
    expect([10_000, 10_500, 11_400, 11_401].map((now) => standstill.since(now))).toEqual([0, 0, 0, 0]);
  });

  it('is what is beyond two such times, once', () => {
    const standstill = new Standstill(500);
    standstill.since(10_000);
    expect([15_000, 15_500].map((now) => standstill.since(now))).toEqual([4_000, 0]);
  });
});
