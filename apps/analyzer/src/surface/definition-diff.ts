// The child process loads this: all of the library would double its start.
import { canonical, type Definition } from '@mcp-router/shared/tool-definition';
import type { SurfaceTool } from './catalogue';
import { scanCatalogue, type SurfaceFinding } from './scan';
import { escapePointer } from './text-sites';

/**
 * `cosmetic`: can neither let more in nor mean something else. `widening`: the tool accepts, returns or claims more than
 * was approved. `dangerous`: the change gives orders, reaches for secrets, or weakens what clients decide by.
 */
export type ChangeClass = 'cosmetic' | 'widening' | 'dangerous';

export interface Change {
  /** JSON Pointer into the definition. */
  pointer: string;
  kind: 'added' | 'removed' | 'changed';
  before?: unknown;
  after?: unknown;
  class: ChangeClass;
  why: string;
}

export interface DefinitionDiff {
  class: ChangeClass;
  changes: Change[];
  /** What the rules say of the new definition and did not say of the old one. */
  findings: SurfaceFinding[];
}

const MAX_CHANGES = 500;
const RANK: Record<ChangeClass, number> = { cosmetic: 0, widening: 1, dangerous: 2 };

/**
 * Compares an approved definition with what the server says now.
 *
 * @param others tools beside it: shadowing and look-alikes are judged against them
 */
export function diffDefinitions(
  before: Definition,
  after: Definition,
  identity: { server: string; name: string },
  others: readonly SurfaceTool[] = [],
): DefinitionDiff {
  const changes = differences(canonical(before), canonical(after), '');
  const known = new Set(
    findingsOf(before, identity, others).map(({ rule, evidence }) => `${rule.id} ${evidence ?? ''}`),
  );
  const findings = findingsOf(after, identity, others).filter(
    ({ rule, evidence }) => rule.level !== 'note' && !known.has(`${rule.id} ${evidence ?? ''}`),
  );
  for (const change of changes) {
    const finding = findings.find(
      ({ pointer }) => pointer.startsWith(change.pointer) || change.pointer.startsWith(pointer),
    );
    if (finding) Object.assign(change, { class: 'dangerous', why: `${finding.rule.title}: ${finding.message}` });
  }
  const worst = changes.reduce<ChangeClass>(
    (most, change) => (RANK[change.class] > RANK[most] ? change.class : most),
    'cosmetic',
  );
  return { class: findings.length > 0 && changes.length > 0 ? 'dangerous' : worst, changes, findings };
}

function findingsOf(
  definition: Definition,
  { server, name }: { server: string; name: string },
  others: readonly SurfaceTool[],
): SurfaceFinding[] {
  const beside = others.filter((other) => other.server !== server || other.name !== name);
  return scanCatalogue([{ ...definition, server, name }, ...beside]).filter(
    (finding) => finding.server === server && finding.tool === name,
  );
}

/** Both values in canonical form, walked together. */
function differences(before: unknown, after: unknown, pointer: string): Change[] {
  const changes: Change[] = [];
  const queue: { before: unknown; after: unknown; pointer: string; key: string }[] = [
    { before, after, pointer, key: '' },
  ];
  for (let at = queue.pop(); at && changes.length < MAX_CHANGES; at = queue.pop()) {
    if (JSON.stringify(at.before) === JSON.stringify(at.after)) continue;
    if (isRecord(at.before) && isRecord(at.after)) {
      const keys = new Set([...Object.keys(at.before), ...Object.keys(at.after)]);
      for (const key of keys)
        queue.push({
          before: at.before[key],
          after: at.after[key],
          pointer: `${at.pointer}/${escapePointer(key)}`,
          key,
        });
      continue;
    }
    const kind = at.before === undefined ? 'added' : at.after === undefined ? 'removed' : 'changed';
    changes.push({
      pointer: at.pointer,
      kind,
      ...(at.before === undefined ? {} : { before: readable(at.before) }),
      ...(at.after === undefined ? {} : { after: readable(at.after) }),
      ...classify(at.pointer, at.key, kind, at.before, at.after),
    });
  }
  return changes.sort((a, b) => RANK[b.class] - RANK[a.class] || (a.pointer < b.pointer ? -1 : 1));
}

type Verdict = Pick<Change, 'class' | 'why'>;
const verdict = (kind: ChangeClass, why: string): Verdict => ({ class: kind, why });

function classify(pointer: string, key: string, kind: Change['kind'], before: unknown, after: unknown): Verdict {
  const path = pointer.split('/');
  if (path[1] === 'annotations' && key !== 'title') return annotationChange(key, before, after);
  if (path[1] === 'outputSchema') return verdict('widening', 'what the tool returns is described differently');
  const isName = path.at(-2) === 'properties' || path.at(-2) === '$defs' || path.at(-2) === 'definitions';
  if (isName) return parameterChange(kind);
  if (key === 'description' || key === 'title' || key === '$comment') return textChange(kind, before, after);
  return constraintChange(key, kind, before, after);
}

/** Clients decide by these whether to ask the user. */
function annotationChange(key: string, before: unknown, after: unknown): Verdict {
  if (key === 'readOnlyHint')
    return verdict('dangerous', after === true ? 'now claims to be read-only' : 'is no longer read-only');
  if (key === 'destructiveHint')
    return verdict('dangerous', after === false ? 'now claims not to destroy' : 'may now destroy');
  if (key === 'openWorldHint' && before !== true && after === true)
    return verdict('dangerous', 'now reaches out to the world');
  return verdict('widening', `the annotation ${key} changed`);
}

function parameterChange(kind: Change['kind']): Verdict {
  if (kind === 'added') return verdict('widening', 'a parameter was added');
  if (kind === 'removed') return verdict('cosmetic', 'a parameter was removed');
  return verdict('widening', 'a parameter changed its form');
}

/** How much of the words stayed: a reworded text needs eyes, a corrected one does not. */
function textChange(kind: Change['kind'], before: unknown, after: unknown): Verdict {
  if (kind === 'removed') return verdict('cosmetic', 'a text was removed');
  if (kind === 'added' && typeof after === 'string' && after.length > 200)
    return verdict('widening', 'a long text was added');
  if (kind === 'added') return verdict('cosmetic', 'a text was added');
  const [old, now] = [wordsOf(before), wordsOf(after)];
  const fresh = [...now].filter((word) => !old.has(word)).length;
  return fresh > 5 && fresh > old.size * 0.4
    ? verdict('widening', 'the text says something else')
    : verdict('cosmetic', 'the text was edited');
}

const wordsOf = (text: unknown) =>
  new Set(
    String(text)
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [],
  );

const UPPER_LIMITS = new Set(['maxLength', 'maximum', 'exclusiveMaximum', 'maxItems', 'maxProperties']);
const LOWER_LIMITS = new Set(['minLength', 'minimum', 'exclusiveMinimum', 'minItems', 'minProperties', 'multipleOf']);

function constraintChange(key: string, kind: Change['kind'], before: unknown, after: unknown): Verdict {
  if (key === 'required') return verdict('widening', 'other parameters are required');
  if (key === 'default' || key === 'const')
    return verdict('widening', `the ${key} value changed: it is sent without anyone looking`);
  if (key === 'enum') {
    const old = new Set((Array.isArray(before) ? before : []).map(String));
    const more = kind === 'removed' || (Array.isArray(after) && after.some((item) => !old.has(String(item))));
    return more && kind !== 'added'
      ? verdict('widening', 'more values are accepted')
      : verdict('cosmetic', 'fewer values are accepted');
  }
  if (key === 'additionalProperties')
    return after === false
      ? verdict('cosmetic', 'further properties are refused')
      : verdict('widening', 'further properties are accepted');
  const narrower =
    kind === 'added' ||
    (typeof before === 'number' &&
      typeof after === 'number' &&
      ((UPPER_LIMITS.has(key) && after < before) || (LOWER_LIMITS.has(key) && after > before)));
  if (narrower && (UPPER_LIMITS.has(key) || LOWER_LIMITS.has(key) || key === 'pattern' || key === 'format'))
    return verdict('cosmetic', 'less is accepted');
  return verdict('widening', `"${key}" changed what is accepted`);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Sets were made strings to be sorted. */
function readable(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown) => {
    try {
      return typeof item === 'string' ? (JSON.parse(item) as unknown) : item;
    } catch {
      return item;
    }
  });
}

/** The diff as lines a person can read. */
export function renderDiff({ changes }: Pick<DefinitionDiff, 'changes'>): string {
  const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return changes
    .flatMap(({ pointer, class: kind, why, before, after }) => [
      `${kind}  ${pointer}  ${why}`,
      ...(before === undefined ? [] : [`- ${show(before)}`]),
      ...(after === undefined ? [] : [`+ ${show(after)}`]),
    ])
    .join('\n');
}
