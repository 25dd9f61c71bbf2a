type Labels = Record<string, string>;

/** Whether a series has one of the label values that are left out. */
export const isExcepted = (labels: Labels, except: Labels): boolean =>
  Object.entries(except).some(([name, value]) => labels[name] === value);

/** The group of a series: that of all with the same values of the labels `by`. @param create makes one of those values */
export function groupOf<G>(
  groups: Map<string, G>,
  labels: Labels,
  by: readonly string[],
  create: (own: Labels) => G,
): G {
  const own = Object.fromEntries(by.map((name) => [name, labels[name] ?? '']));
  const key = JSON.stringify(own);
  const group = groups.get(key) ?? create(own);
  groups.set(key, group);
  return group;
}
