import type { Json } from '../../definition/json';
import { ExpressionFault } from '../syntax';
import { fault, shown } from '../values';
import type { ValueFunction } from './builtin';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAY_MS = 86_400_000;

/** jq's broken-down time: year, month from 0, day, hours, minutes, seconds (with fraction), weekday, day of the year. */
function toBroken(seconds: Json): Json[] {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) throw fault('gmtime() requires a number');
  const whole = Math.floor(seconds);
  const date = new Date(whole * 1_000);
  if (Number.isNaN(date.getTime())) throw fault('error converting number of seconds since epoch to datetime');
  const fraction = Math.round((seconds - whole) * 1e6) / 1e6;
  return [
    date.getUTCFullYear(),
    date.getUTCMonth(),
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds() + fraction,
    date.getUTCDay(),
    dayOfYear(date),
  ];
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS);
}

/** Seconds since 1970 of a broken-down time. */
function fromBroken(broken: Json): number {
  if (!Array.isArray(broken)) throw fault('mktime requires array of 6 numbers');
  const numbers = broken.slice(0, 6);
  if (!numbers.every((part): part is number => typeof part === 'number'))
    throw fault('mktime requires parsed datetime inputs');
  const [year = 1970, month = 0, day = 1, hours = 0, minutes = 0, seconds = 0] = numbers;
  return Math.floor(Date.UTC(year, month, day, hours, minutes, Math.floor(seconds)) / 1_000);
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `strftime` in UTC and English. */
function formatTime(input: Json, format: Json): string {
  if (typeof format !== 'string') throw fault('strftime/1 requires a string format');
  if (typeof input !== 'number' && !Array.isArray(input)) throw fault('strftime/1 requires parsed datetime inputs');
  const date = new Date((typeof input === 'number' ? Math.floor(input) : fromBroken(input)) * 1_000);
  return format.replace(/%([A-Za-z%])/g, (whole, letter: string) => conversion(date, letter) ?? whole);
}

function conversion(date: Date, letter: string): string | undefined {
  const [hours, weekday, yearDay] = [date.getUTCHours(), date.getUTCDay(), dayOfYear(date)];
  const nested = (format: string): string => formatTime(date.getTime() / 1_000, format);
  switch (letter) {
    case 'Y':
      return String(date.getUTCFullYear());
    case 'C':
      return two(Math.floor(date.getUTCFullYear() / 100));
    case 'y':
      return two(date.getUTCFullYear() % 100);
    case 'm':
      return two(date.getUTCMonth() + 1);
    case 'd':
      return two(date.getUTCDate());
    case 'e':
      return String(date.getUTCDate()).padStart(2, ' ');
    case 'H':
      return two(hours);
    case 'I':
      return two(hours % 12 || 12);
    case 'M':
      return two(date.getUTCMinutes());
    case 'S':
      return two(date.getUTCSeconds());
    case 'p':
      return hours < 12 ? 'AM' : 'PM';
    case 'Z':
      return 'UTC';
    case 'z':
      return '+0000';
    case 'j':
      return String(yearDay + 1).padStart(3, '0');
    case 'a':
      return DAYS[weekday]?.slice(0, 3);
    case 'A':
      return DAYS[weekday];
    case 'b':
    case 'h':
      return MONTHS[date.getUTCMonth()]?.slice(0, 3);
    case 'B':
      return MONTHS[date.getUTCMonth()];
    case 's':
      return String(Math.floor(date.getTime() / 1_000));
    case 'u':
      return String(weekday || 7);
    case 'w':
      return String(weekday);
    case 'U':
      return two(Math.floor((yearDay + 7 - weekday) / 7));
    case 'W':
      return two(Math.floor((yearDay + 7 - ((weekday + 6) % 7)) / 7));
    case 'G':
      return String(isoWeek(date).year);
    case 'V':
      return two(isoWeek(date).week);
    case 'T':
      return nested('%H:%M:%S');
    case 'R':
      return nested('%H:%M');
    case 'D':
      return nested('%m/%d/%y');
    case 'F':
      return nested('%Y-%m-%d');
    case 'c':
      return nested('%a %b %e %H:%M:%S %Y');
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '%':
      return '%';
    default:
      return undefined;
  }
}

function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}

const FIELDS: Readonly<Record<string, string>> = {
  Y: '(?<Y>-?\\d{1,4})',
  m: '(?<m>\\d{1,2})',
  d: '(?<d>\\d{1,2})',
  e: '\\s*(?<e>\\d{1,2})',
  H: '(?<H>\\d{1,2})',
  I: '(?<I>\\d{1,2})',
  M: '(?<M>\\d{1,2})',
  S: '(?<S>\\d{1,2})',
  j: '(?<j>\\d{1,3})',
  y: '(?<y>\\d{2})',
  p: '(?<p>AM|PM|am|pm)',
  Z: '(?<Z>[A-Za-z]+)',
  z: '(?<z>Z|[+-]\\d{2}:?\\d{2})',
  s: '(?<s>\\d{1,12})',
  a: `(?:${DAYS.map((day) => `${day}|${day.slice(0, 3)}`).join('|')})`,
  b: `(?<b>${MONTHS.map((month) => `${month}|${month.slice(0, 3)}`).join('|')})`,
};
const SAME: Readonly<Record<string, string>> = { A: 'a', B: 'b', h: 'b' };
const SHORT: Readonly<Record<string, string>> = {
  T: '%H:%M:%S',
  R: '%H:%M',
  F: '%Y-%m-%d',
  D: '%m/%d/%y',
  c: '%a %b %e %H:%M:%S %Y',
};

/** `strptime`: a text read by a format, as broken-down time. Every field is of fixed width, so matching cannot run away. */
function parseTime(input: Json, format: Json): Json[] {
  if (typeof input !== 'string') throw fault(`strptime/1 requires string inputs and arguments`);
  if (typeof format !== 'string') throw fault(`strptime/1 requires string inputs and arguments`);
  const failed = fault(`date ${JSON.stringify(input)} does not match format ${JSON.stringify(format)}`);
  if (input.length > 1_000 || format.length > 200) throw failed;
  const full = format.replace(/%([TRFDc])/g, (_, letter: string) => SHORT[letter] ?? '');
  let isKnown = true as boolean;
  const pattern = full.replace(/%([A-Za-z%])|\s+|[\\^$.*+?()[\]{}|/]/g, (whole, letter?: string) => {
    if (letter === undefined) return /^\s/.test(whole) ? '\\s*' : `\\${whole}`;
    if (letter === '%') return '%';
    const field = FIELDS[SAME[letter] ?? letter];
    isKnown &&= field !== undefined;
    return field ?? '';
  });
  if (!isKnown) throw fault(`strptime/1 does not know every conversion of ${shown(format)}`);
  let groups: Record<string, string | undefined>;
  try {
    const match = new RegExp(`^${pattern}$`).exec(input);
    if (!match) throw failed;
    groups = match.groups ?? {};
  } catch {
    // The same conversion twice makes no regular expression.
    throw failed;
  }
  return toBroken(fromFields(groups));
}

function fromFields(groups: Record<string, string | undefined>): number {
  const number = (name: string, otherwise: number): number =>
    groups[name] === undefined ? otherwise : Number(groups[name]);
  if (groups['s'] !== undefined) return Number(groups['s']);
  const short = number('y', 0);
  const year = number('Y', groups['y'] === undefined ? 1900 : short + (short < 69 ? 2000 : 1900));
  const named = MONTHS.findIndex((month) => groups['b'] !== undefined && month.startsWith(groups['b'].slice(0, 3)));
  const month = groups['b'] === undefined ? number('m', 1) - 1 : named;
  const day = groups['j'] === undefined ? number('d', number('e', 1)) : number('j', 1);
  let hours = number('H', number('I', 0));
  if (groups['p'] !== undefined) hours = (hours % 12) + (groups['p'].toUpperCase() === 'PM' ? 12 : 0);
  return Date.UTC(year, groups['j'] === undefined ? month : 0, day, hours, number('M', 0), number('S', 0)) / 1_000;
}

/** Instants and calendar dates, in UTC. */
export const TIMES: Readonly<Record<string, ValueFunction>> = {
  'now/0'(context) {
    if (context.now === undefined) throw new ExpressionFault('unknown', '`now` is not known here');
    return context.now / 1_000;
  },
  'gmtime/0': (_context, input) => toBroken(input),
  'mktime/0': (_context, input) => fromBroken(input),
  'strftime/1': (_context, input, format) => formatTime(input, format),
  'strptime/1': (_context, input, format) => parseTime(input, format),
};
