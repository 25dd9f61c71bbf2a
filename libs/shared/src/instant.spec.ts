import { Instant } from './instant';

it.each(['2026-11-22T10:00:00Z', '2026-11-22T10:00:00.123456+01:00', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59Z'])(
  'takes %s',
  (text) => {
    expect(Instant.safeParse(text).success).toBe(true);
  },
);

it.each([
  '0000-01-01T00:00:00Z',
  '0000-12-31T23:59:59Z',
  '0001-01-01T00:00:00+01:00',
  '2026-11-22',
  '2026-13-01T00:00:00Z',
])('refuses %s with a reason', (text) => {
  expect(Instant.safeParse(text).error?.issues[0]?.message).toMatch(/Invalid ISO datetime|year 1/);
});
