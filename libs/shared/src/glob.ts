import type { ToolPolicy } from './principal';

/**
 * Matches `text` against a glob of `*` (any run) and `?` (one character), in time linear in the text for each star:
 * patterns come from users, so no regular expression that could backtrack.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Whether a policy lets its agent see and call the tool of this public name. */
export function isToolAllowed(policy: ToolPolicy, publicName: string): boolean {
  return (
    policy.allow.some((glob) => matchesGlob(glob, publicName)) &&
    !policy.deny.some((glob) => matchesGlob(glob, publicName))
  );
}
