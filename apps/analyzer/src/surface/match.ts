import type { SurfaceHit } from '../rules/rule';
import type { ScannedTool } from './catalogue';
import type { Reading } from './readings';
import type { TextSite } from './text-sites';

export interface Pattern {
  /** On text that is lower case, with single spaces. Every repetition in it is bounded: the text is hostile. */
  pattern: RegExp;
  says: string;
}

/** One hit for each text that matches, in the clear or behind a disguise. */
export function* matches(
  tool: ScannedTool,
  patterns: readonly Pattern[],
  kinds: readonly TextSite['kind'][] = ['prose', 'value', 'name'],
): Generator<SurfaceHit> {
  for (const { pointer, kind, readings } of tool.sites) {
    if (!kinds.includes(kind)) continue;
    const hit = firstMatch(readings, patterns);
    if (hit) yield { pointer, ...hit };
  }
}

function firstMatch(
  readings: readonly Reading[],
  patterns: readonly Pattern[],
): Omit<SurfaceHit, 'pointer'> | undefined {
  for (const { text, disguise } of readings)
    for (const { pattern, says } of patterns) {
      const match = pattern.exec(text);
      if (match)
        return {
          message: disguise === '' ? says : `${says}, hidden as ${disguise}`,
          evidence: around(text, match.index, match[0].length),
        };
    }
  return undefined;
}

/** The match with a little before and after it, on one line. */
function around(text: string, index: number, length: number): string {
  const from = Math.max(0, index - 20);
  const to = Math.min(text.length, index + Math.min(length, 160) + 20);
  return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
}
