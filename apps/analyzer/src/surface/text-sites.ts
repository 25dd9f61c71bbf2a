import type { SurfaceTool } from './catalogue';

/** A text inside a definition that a model will read. */
export interface TextSite {
  /** JSON Pointer into the definition. */
  pointer: string;
  text: string;
  /** `name` for property names and tool names, `value` for enums, defaults, constants and examples, else `prose`. */
  kind: 'prose' | 'name' | 'value';
}

const MAX_SITES = 5_000;
const MAX_TEXT = 50_000;

const PROSE_KEYS = new Set(['description', 'title', '$comment', 'markdownDescription']);
const VALUE_KEYS = new Set([
  'enum',
  'default',
  'const',
  'examples',
  'example',
  'pattern',
  'format',
  'enumNames',
  'x-enumDescriptions',
]);
/** Keys whose own keys are names that the author chose. */
const NAME_MAPS = new Set(['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas']);

/** Every text of a definition, in depth, without recursion: schemas come from outside and may be deep. */
export function textSites(tool: SurfaceTool): TextSite[] {
  const sites: TextSite[] = [];
  const add = (pointer: string, text: string, kind: TextSite['kind']) => {
    if (text !== '' && sites.length < MAX_SITES) sites.push({ pointer, text: text.slice(0, MAX_TEXT), kind });
  };
  add('/name', tool.name, 'name');
  if (typeof tool.title === 'string') add('/title', tool.title, 'prose');
  if (typeof tool.description === 'string') add('/description', tool.description, 'prose');

  const queue: { pointer: string; value: unknown; kind: TextSite['kind']; names: boolean }[] = [];
  for (const part of ['annotations', 'inputSchema', 'outputSchema'] as const)
    queue.push({ pointer: `/${part}`, value: tool[part], kind: 'prose', names: false });
  for (let at = 0; at < queue.length && sites.length < MAX_SITES; at++) {
    const { pointer, value, kind, names } = queue[at] as (typeof queue)[number];
    if (typeof value === 'string') add(pointer, value, kind);
    else if (Array.isArray(value))
      value
        .slice(0, 1000)
        .forEach((item, index) => queue.push({ pointer: `${pointer}/${index}`, value: item, kind, names: false }));
    else if (typeof value === 'object' && value !== null)
      for (const [key, child] of Object.entries(value).slice(0, 1000)) {
        const below = `${pointer}/${escapePointer(key)}`;
        if (names) add(below, key, 'name');
        const childKind =
          PROSE_KEYS.has(key) && !names
            ? 'prose'
            : VALUE_KEYS.has(key) && !names
              ? 'value'
              : kind === 'value'
                ? 'value'
                : 'prose';
        queue.push({ pointer: below, value: child, kind: childKind, names: NAME_MAPS.has(key) && !names });
      }
  }
  return sites;
}

/** A key as one part of a JSON Pointer (RFC 6901). */
export const escapePointer = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
