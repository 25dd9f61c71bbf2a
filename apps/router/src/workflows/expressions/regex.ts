import { RE2JS } from 're2js';
import type { Json } from '../definition/json';
import { ExpressionFault } from './syntax';
import { type Budget, codePoints, fault, shown } from './values';

/** Longest pattern, in characters: the size of the automaton grows with it. */
const MAX_PATTERN = 4_096;

const compiled = new Map<string, RE2JS>();

/** A regular expression of RE2's syntax, which never backtracks; flags as in jq. Throws a fault of kind `regex`. */
export function compileRegex(pattern: string, flags: string): { regex: RE2JS; isGlobal: boolean; dropsEmpty: boolean } {
  let bits = 0;
  let source = pattern;
  for (const flag of flags) {
    if (flag === 'i') bits |= RE2JS.CASE_INSENSITIVE;
    else if (flag === 's') bits |= RE2JS.DOTALL;
    else if (flag === 'l') bits |= RE2JS.LONGEST_MATCH;
    else if (flag === 'x') source = withoutComments(source);
    else if (flag === 'p') bits |= RE2JS.DOTALL | RE2JS.MULTILINE;
    else if (flag !== 'g' && flag !== 'n') throw fault(`${flags} is not a valid modifier string`);
  }
  if (source.length > MAX_PATTERN)
    throw new ExpressionFault('regex', `A pattern longer than ${MAX_PATTERN} characters`);
  const key = `${bits}/${source}`;
  let regex = compiled.get(key);
  if (!regex) {
    try {
      regex = RE2JS.compile(source, bits);
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'it cannot be read';
      throw new ExpressionFault('regex', `${JSON.stringify(pattern)} is not a regular expression of RE2: ${reason}`);
    }
    if (compiled.size >= 200) compiled.clear();
    compiled.set(key, regex);
  }
  return { regex, isGlobal: flags.includes('g'), dropsEmpty: flags.includes('n') };
}

/** Flag `x`: blanks and comments outside of brackets do not count. */
function withoutComments(pattern: string): string {
  return pattern.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\s+|#[^\n]*/gs, (piece) => (/^[\s#]/.test(piece) ? '' : piece));
}

/** Every match as jq describes it; offsets and lengths count code points. */
export function matchRegex(input: Json, pattern: Json, flags: Json, budget: Budget): Json[] {
  const text = textOf(input, pattern, flags);
  const { regex, isGlobal, dropsEmpty } = compileRegex(pattern as string, (flags as string | null) ?? '');
  const matcher = regex.matcher(text);
  const names = Object.entries(regex.namedGroups());
  const offsetOf = offsets(text);
  const matches: Json[] = [];
  while (matcher.find()) {
    budget.build(4 + matcher.groupCount());
    const whole = matcher.group() ?? '';
    if (!(dropsEmpty && whole === '')) {
      const captures = Array.from({ length: matcher.groupCount() }, (_, place): Json => {
        const part = matcher.group(place + 1);
        const name = names.find(([, group]) => group === place + 1)?.[0] ?? null;
        const offset = part === null ? -1 : offsetOf(matcher.start(place + 1));
        return { offset, length: part === null ? 0 : codePoints(part), string: part, name };
      });
      matches.push({ offset: offsetOf(matcher.start()), length: codePoints(whole), string: whole, captures });
    }
    if (!isGlobal) break;
  }
  return matches;
}

export function testRegex(input: Json, pattern: Json, flags: Json): boolean {
  const text = textOf(input, pattern, flags);
  return compileRegex(pattern as string, (flags as string | null) ?? '').regex.test(text);
}

function textOf(input: Json, pattern: Json, flags: Json): string {
  if (typeof input !== 'string') throw fault(`${shown(input)} cannot be matched, as it is not a string`);
  if (typeof pattern !== 'string') throw fault(`${shown(pattern)} cannot be matched, as it is not a string`);
  if (flags !== null && typeof flags !== 'string') throw fault(`${shown(flags)} is not a string`);
  return input;
}

/** From an offset in UTF-16 units to one in code points; offsets must be asked for in rising order to be fast. */
function offsets(text: string): (unit: number) => number {
  if (codePoints(text) === text.length) return (unit) => unit;
  let [unit, point] = [0, 0];
  return (wanted) => {
    if (wanted < unit) [unit, point] = [0, 0];
    point += codePoints(text.slice(unit, wanted));
    unit = wanted;
    return point;
  };
}
