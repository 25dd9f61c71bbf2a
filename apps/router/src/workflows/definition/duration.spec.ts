import { parseIsoDuration } from './duration';

describe('parseIsoDuration', () => {
  it.each([
    ['PT1S', 1_000],
    ['PT0.25S', 250],
    ['PT1M30S', 90_000],
    ['P1DT2H', 93_600_000],
    ['P1W', 604_800_000],
    ['P1M', 30 * 86_400_000],
    ['P1Y', 365 * 86_400_000],
    ['PT0S', 0],
  ])('reads %s as %d ms', (text, ms) => expect(parseIsoDuration(text)).toBe(ms));

  it.each(['', 'P', 'PT', '1S', 'PT1', 'P1H', 'PT-1S', 'pt1s', 'PT1S ', 'P1DT'])('refuses %j', (text) =>
    expect(parseIsoDuration(text)).toBeUndefined(),
  );
});
