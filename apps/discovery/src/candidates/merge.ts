import type { Endpoint } from '@mcp-router/shared';
import type { Entry, Found } from './book';

/** What a candidate is called and where it is, from everything its sources say. */
export interface Merged {
  name: string;
  title: string | null;
  description: string | null;
  version: string | null;
  endpoint: Endpoint;
  labels: Record<string, string>;
}

/**
 * One picture of a server that several sources see: each field from the source with the highest priority that has it,
 * the labels of all.
 * @returns undefined for a server that nobody sees: what was known of it stays
 */
export function merge({ entries }: Found, priorityOf: (sourceId: string) => number): Merged | undefined {
  const ranked = [...entries].sort(
    (a, b) => priorityOf(b.sourceId) - priorityOf(a.sourceId) || a.firstSeenAt - b.firstSeenAt,
  );
  const [best] = ranked;
  if (!best) return undefined;
  const first = (field: 'title' | 'description' | 'version') =>
    ranked.map(({ sighting }) => sighting[field]).find((value) => value !== undefined) ?? null;
  return {
    name: best.sighting.name.slice(0, 200),
    title: first('title'),
    description: first('description'),
    version: first('version'),
    endpoint: best.sighting.endpoint,
    labels: Object.assign({}, ...ranked.toReversed().map(({ sighting }: Entry) => sighting.labels ?? {})) as Record<
      string,
      string
    >,
  };
}
