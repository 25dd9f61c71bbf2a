const ISO_8601 =
  /^P(?!$)(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
/** In the order of the groups of ISO_8601. A year counts 365 days and a month 30: a wait has no calendar. */
const UNITS = [365 * DAY, 30 * DAY, 7 * DAY, DAY, 3_600 * SECOND, 60 * SECOND, SECOND];

/** Milliseconds of an ISO 8601 duration (`PT1M30S`), rounded; undefined when the text is none. */
export function parseIsoDuration(text: string): number | undefined {
  const match = ISO_8601.exec(text);
  if (!match) return undefined;
  return Math.round(UNITS.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unit, 0));
}

/** Properties of the standard's duration object, in milliseconds. */
export const DURATION_PARTS: Readonly<Record<string, number>> = {
  days: DAY,
  hours: 3_600 * SECOND,
  minutes: 60 * SECOND,
  seconds: SECOND,
  milliseconds: 1,
};
