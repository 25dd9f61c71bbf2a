import { fault, shown } from '../values';
import { numberInput, type ValueFunction } from './builtin';

/** Functions of C's math library with one argument, the input. */
const MATH: Readonly<Record<string, (x: number) => number>> = {
  'floor/0': Math.floor,
  'ceil/0': Math.ceil,
  'trunc/0': Math.trunc,
  'round/0': (x) => Math.sign(x) * Math.round(Math.abs(x)),
  'rint/0': toEven,
  'nearbyint/0': toEven,
  'sqrt/0': Math.sqrt,
  'cbrt/0': Math.cbrt,
  'fabs/0': Math.abs,
  'exp/0': Math.exp,
  'exp2/0': (x) => 2 ** x,
  'exp10/0': (x) => 10 ** x,
  'expm1/0': Math.expm1,
  'log/0': Math.log,
  'log2/0': Math.log2,
  'log10/0': Math.log10,
  'log1p/0': Math.log1p,
  'sin/0': Math.sin,
  'cos/0': Math.cos,
  'tan/0': Math.tan,
  'asin/0': Math.asin,
  'acos/0': Math.acos,
  'atan/0': Math.atan,
  'sinh/0': Math.sinh,
  'cosh/0': Math.cosh,
  'tanh/0': Math.tanh,
  'asinh/0': Math.asinh,
  'acosh/0': Math.acosh,
  'atanh/0': Math.atanh,
  'logb/0': (x) => (x === 0 ? Number.NEGATIVE_INFINITY : exponent(x)),
  'significand/0': (x) => (x === 0 ? x : x / 2 ** exponent(x)),
};

/** Functions of C's math library with two or three arguments. */
const MATH_2: Readonly<Record<string, (a: number, b: number, c: number) => number>> = {
  'pow/2': (a, b) => a ** b,
  'atan2/2': Math.atan2,
  'fmod/2': (a, b) => a % b,
  'fmin/2': (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)),
  'fmax/2': (a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)),
  'fdim/2': (a, b) => Math.max(0, a - b),
  'hypot/2': Math.hypot,
  'copysign/2': (a, b) => (Object.is(Math.sign(b), -0) || b < 0 ? -Math.abs(a) : Math.abs(a)),
  'ldexp/2': (a, b) => a * 2 ** b,
  'scalb/2': (a, b) => a * 2 ** b,
  'scalbln/2': (a, b) => a * 2 ** b,
  'fma/3': (a, b, c) => a * b + c,
};

function toEven(x: number): number {
  const rounded = Math.round(x);
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function exponent(x: number): number {
  if (!Number.isFinite(x)) return Math.abs(x);
  let power = Math.floor(Math.log2(Math.abs(x)));
  // log2 rounds: correct by one where it went over a power of two.
  if (2 ** power > Math.abs(x)) power -= 1;
  else if (2 ** (power + 1) <= Math.abs(x)) power += 1;
  return power;
}

/** Arithmetic. */
export const NUMBERS: Readonly<Record<string, ValueFunction>> = {
  'abs/0'(_context, input) {
    if (typeof input !== 'number') throw fault(`${shown(input)} has no absolute value`);
    return Math.abs(input);
  },
  'infinite/0': () => Number.POSITIVE_INFINITY,
  'nan/0': () => Number.NaN,
  'isinfinite/0': (_context, input) => Math.abs(numberInput(input)) === Number.POSITIVE_INFINITY,
  'isnan/0': (_context, input) => Number.isNaN(numberInput(input)),
  'isnormal/0': (_context, input) => Number.isFinite(numberInput(input)) && Math.abs(input as number) >= 2 ** -1022,
  'have_literal_numbers/0': () => true,
  'have_decnum/0': () => false,
  ...Object.fromEntries(
    Object.entries(MATH).map(([key, f]): [string, ValueFunction] => [key, (_context, input) => f(numberInput(input))]),
  ),
  ...Object.fromEntries(
    Object.entries(MATH_2).map(([key, f]): [string, ValueFunction] => [
      key,
      (_context, _input, a, b, c) => f(numberInput(a), numberInput(b), c === null ? 0 : numberInput(c)),
    ]),
  ),
};
