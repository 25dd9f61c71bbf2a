/**
 * Matches a path against a glob: `*` and `?` within a folder, `**` across folders. Linear in the path for each star, as
 * globs come from users.
 */
export function matchesPath(glob: string, path: string): boolean {
  return matchParts(glob.split('/'), path.split('/'));
}

function matchParts(glob: readonly string[], path: readonly string[]): boolean {
  let g = 0;
  let p = 0;
  let star = -1;
  let mark = 0;
  while (p < path.length) {
    if (g < glob.length && glob[g] === '**') {
      star = g++;
      mark = p;
    } else if (g < glob.length && matchPart(glob[g] ?? '', path[p] ?? '')) {
      g++;
      p++;
    } else if (star >= 0) {
      g = star + 1;
      p = ++mark;
    } else return false;
  }
  while (glob[g] === '**') g++;
  return g === glob.length;
}

function matchPart(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (g < glob.length && glob[g] === '*') {
      star = g++;
      mark = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++mark;
    } else return false;
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
