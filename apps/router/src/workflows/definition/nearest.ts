/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`, counted no further than `limit` + 1. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
      best = Math.min(best, cost);
    }
    if (best > limit) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? limit + 1;
}

/** Up to `count` of `names` that the writer of `wrong` may have meant, nearest first. */
export function nearestNames(wrong: string, names: Iterable<string>, count = 3): string[] {
  const lower = wrong.toLowerCase();
  const limit = Math.max(1, Math.floor(wrong.length / 3));
  const found: { name: string; distance: number }[] = [];
  for (const name of names) {
    const candidate = name.toLowerCase();
    const distance = editDistance(lower, candidate, limit);
    // A name that contains what was written is as good a guess as one a few letters away.
    const contained = lower.length >= 3 && candidate.includes(lower);
    if (distance <= limit || contained) found.push({ name, distance: Math.min(distance, contained ? 1 : distance) });
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return found.slice(0, count).map(({ name }) => name);
}

/** “Did you mean `a` or `b`?”, or nothing when no name is near. */
export function didYouMean(wrong: string, names: Iterable<string>): string | undefined {
  const near = nearestNames(wrong, names);
  if (near.length === 0) return undefined;
  const quoted = near.map((name) => `\`${name}\``);
  const last = quoted.pop();
  return `Did you mean ${quoted.length > 0 ? `${quoted.join(', ')} or ${last}` : last}?`;
}
