import { nextTime } from './next-time';

const at = (text: string) => new Date(text);

describe('the next time of a schedule', () => {
  it('of `every` counts from the publication, whenever it is asked', () => {
    const every = { kind: 'every' as const, every: { ms: 60_000 } };
    const since = at('2026-01-01T00:00:30Z');
    expect(nextTime(every, since, since)).toEqual(at('2026-01-01T00:01:30Z'));
    expect(nextTime(every, at('2026-01-01T00:01:30Z'), since)).toEqual(at('2026-01-01T00:02:30Z'));
    expect(nextTime(every, at('2026-01-01T05:00:00Z'), since)).toEqual(at('2026-01-01T05:00:30Z'));
  });

  it('of `cron` is that of its time zone, in summer and in winter', () => {
    const cron = { kind: 'cron' as const, cron: '0 9 * * *', timeZone: 'Europe/Berlin' };
    const next = (text: string) => nextTime(cron, at(text), at(text));
    expect(next('2026-01-10T12:00:00Z')).toEqual(at('2026-01-11T08:00:00Z'));
    expect(next('2026-07-10T12:00:00Z')).toEqual(at('2026-07-11T07:00:00Z'));
    // The night in which the clocks are put forward.
    expect(next('2026-03-28T12:00:00Z')).toEqual(at('2026-03-29T07:00:00Z'));
  });

  it('of `cron` is strictly later, so that no occurrence comes twice', () => {
    const cron = { kind: 'cron' as const, cron: '* * * * *', timeZone: 'UTC' };
    expect(nextTime(cron, at('2026-01-01T00:01:00Z'), at('2026-01-01T00:00:00Z'))).toEqual(at('2026-01-01T00:02:00Z'));
  });

  it('of `after` is that long after the end, and of `on` nobody knows', () => {
    const end = at('2026-01-01T00:00:00Z');
    expect(nextTime({ kind: 'after', after: { ms: 90_000 } }, end, end)).toEqual(at('2026-01-01T00:01:30Z'));
    expect(nextTime({ kind: 'on', on: { kind: 'any', any: [] } }, end, end)).toBeNull();
  });
});
