/** The parts of a tool's definition that say what it is; a pin keeps them. */
export interface Definition {
  title?: string | undefined;
  description?: string | undefined;
  inputSchema?: unknown;
  outputSchema?: unknown;
  annotations?: Record<string, unknown> | undefined;
}

const PARTS = ['title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;
/** Arrays of JSON Schema whose order means nothing. */
const SETS = new Set(['required', 'enum', 'type']);
const TEXTS = new Set(['title', 'description', '$comment']);
const NAME_MAPS = new Set(['properties', '$defs', 'definitions', 'patternProperties']);

export function definitionOf(tool: Definition): Definition {
  return Object.fromEntries(PARTS.flatMap((part) => (tool[part] === undefined ? [] : [[part, tool[part]]])));
}

/** The definition with keys sorted, sets sorted and texts with single spaces. Cut at 200 levels. */
export function canonical(value: unknown, key = '', depth = 0, isName = false): unknown {
  if (typeof value === 'string') return TEXTS.has(key) && !isName ? value.replace(/\s+/g, ' ').trim() : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > 200) return `… ${JSON.stringify(value).length}`;
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item, '', depth + 1));
    return SETS.has(key) && !isName ? items.map((item) => JSON.stringify(item)).sort() : items;
  }
  const names = NAME_MAPS.has(key) && !isName;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, child]) => [name, canonical(child, name, depth + 1, names)]),
  );
}
