import type { CatalogueItem } from './catalogue-item';

/** Names at the server; of each at most 50 are told. */
export interface CatalogueChanges {
  added: string[];
  removed: string[];
  changed: string[];
}

const MAX_NAMES = 50;

/** What is different between two lists of one kind of one server; undefined if only their order is. */
export function changesBetween(
  before: readonly CatalogueItem[],
  after: readonly CatalogueItem[],
): CatalogueChanges | undefined {
  const [old, now] = [textsByName(before), textsByName(after)];
  const names = (items: Map<string, string>, isWanted: (name: string, text: string) => boolean) =>
    [...items].filter(([name, text]) => isWanted(name, text)).map(([name]) => name);
  const added = names(now, (name) => !old.has(name));
  const removed = names(old, (name) => !now.has(name));
  const changed = names(now, (name, text) => old.has(name) && old.get(name) !== text);
  if (added.length + removed.length + changed.length === 0) return undefined;
  return {
    added: added.slice(0, MAX_NAMES),
    removed: removed.slice(0, MAX_NAMES),
    changed: changed.slice(0, MAX_NAMES),
  };
}

const textsByName = (items: readonly CatalogueItem[]) => new Map(items.map(({ name, text }) => [name, text]));
