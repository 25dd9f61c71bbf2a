/*
 * Edits JSON as text. The data path must pass what it does not own unchanged (unknown fields, numbers that no double
 * holds, key order, escapes), so it never prints a message that it parsed: it finds the few values it owns and splices.
 *
 * All functions expect text that `JSON.parse` accepts; on other text they give no useful answer but always end.
 */

/** A member of an object: its decoded key and the span `[start, end)` of its value; `keyStart` is the key's quote. */
export interface Member {
  key: string;
  keyStart: number;
  start: number;
  end: number;
}

/** Replaces `[start, end)` by `text`. */
export interface Edit {
  start: number;
  end: number;
  text: string;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;

function skipSpace(text: string, from: number): number {
  let i = from;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) break;
  }
  return i;
}

/** The index after the string that starts with the quote at `from`. */
function endOfString(text: string, from: number): number {
  let quote = from;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
}

/** The index after the value that starts at `from` (no leading space). */
function endOfValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return endOfString(text, from);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    let i = from;
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === 44 || c === CLOSE_BRACE || c === CLOSE_BRACKET || c === 32 || c === 10 || c === 13 || c === 9) break;
    }
    return i;
  }
  let depth = 0;
  for (let i = from; i < text.length;) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      i = endOfString(text, i);
      continue;
    }
    if (c === OPEN_BRACE || c === OPEN_BRACKET) depth++;
    else if ((c === CLOSE_BRACE || c === CLOSE_BRACKET) && --depth === 0) return i + 1;
    i++;
  }
  return text.length;
}

/** The members of the object that starts at `from` (leading space allowed), in order; empty if it is no object. */
export function membersOf(text: string, from = 0): Member[] {
  const members: Member[] = [];
  let i = skipSpace(text, from);
  if (text.charCodeAt(i) !== OPEN_BRACE) return members;
  i = skipSpace(text, i + 1);
  while (i < text.length && text.charCodeAt(i) === QUOTE) {
    const keyStart = i;
    const keyEnd = endOfString(text, i);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    const raw = text.slice(keyStart + 1, keyEnd - 1);
    members.push({ key: raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw, keyStart, start, end });
    i = skipSpace(text, end);
    if (text.charCodeAt(i) !== 44) break;
    i = skipSpace(text, i + 1);
  }
  return members;
}

/** The values of the array that starts at `from`, as spans. */
export function elementsOf(text: string, from = 0): { start: number; end: number }[] {
  const elements: { start: number; end: number }[] = [];
  let i = skipSpace(text, from);
  if (text.charCodeAt(i) !== OPEN_BRACKET) return elements;
  i = skipSpace(text, i + 1);
  while (i < text.length && text.charCodeAt(i) !== CLOSE_BRACKET) {
    const end = endOfValue(text, i);
    elements.push({ start: i, end });
    i = skipSpace(text, end);
    if (text.charCodeAt(i) !== 44) break;
    i = skipSpace(text, i + 1);
  }
  return elements;
}

/** The value at a path of object keys (`['params', '_meta']`), or undefined. The last of equal keys, as `JSON.parse`. */
export function memberAt(text: string, path: readonly string[], from = 0): Member | undefined {
  let found: Member | undefined;
  let at = from;
  for (const key of path) {
    found = undefined;
    for (const member of membersOf(text, at)) if (member.key === key) found = member;
    if (!found) return undefined;
    at = found.start;
  }
  return found;
}

/** Applies edits that do not overlap, in any order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  if (edits.length === 1) {
    const [edit] = edits as [Edit];
    return text.slice(0, edit.start) + edit.text + text.slice(edit.end);
  }
  let result = '';
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** The edit that sets a member of the object at `from`: replaces its value, or adds it in front. `value` is JSON. */
export function setMember(text: string, from: number, key: string, value: string): Edit {
  const open = skipSpace(text, from);
  const members = membersOf(text, open);
  const existing = members.findLast((member) => member.key === key);
  if (existing) return { start: existing.start, end: existing.end, text: value };
  return { start: open + 1, end: open + 1, text: `${JSON.stringify(key)}:${value}${members.length > 0 ? ',' : ''}` };
}

/** The edits that remove members of the object at `from`, with the commas that belong to them. */
export function removeMembers(text: string, from: number, keys: readonly string[]): Edit[] {
  const members = membersOf(text, from);
  const kept = members.filter((member) => !keys.includes(member.key));
  if (kept.length === members.length) return [];
  const open = skipSpace(text, from);
  const close = endOfValue(text, open) - 1;
  // What stays is the kept members joined by commas; each gap between two of them (or an end) that held a removed one is cut.
  const edits: Edit[] = [];
  let at = open + 1;
  for (const [i, member] of kept.entries()) {
    if (text.slice(at, member.keyStart).includes('"'))
      edits.push({ start: at, end: member.keyStart, text: i === 0 ? '' : ',' });
    at = member.end;
  }
  if (text.slice(at, close).includes('"')) edits.push({ start: at, end: close, text: '' });
  return edits;
}
