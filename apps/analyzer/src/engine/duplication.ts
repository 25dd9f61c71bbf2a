import type { SyntaxTree } from './syntax-tree';

/**
 * The tokens of a file for the search of duplicates. The two lowest bits say what a token is: 1 a name, 3 a text or a
 * number, 0 and 2 anything else. Names and values keep their own hash above, so that a renaming can be checked.
 */
export interface TokenStream {
  values: Uint32Array;
  /** Line from 1 of each token. */
  lines: Uint32Array;
}

export interface Clone {
  a: ClonePart;
  b: ClonePart;
  tokens: number;
  /** 1: equal but for layout and comments; 2: names consistently replaced, texts and numbers changed. */
  type: 1 | 2;
}

export interface ClonePart {
  file: number;
  line: number;
  endLine: number;
}

export interface DuplicationOptions {
  minTokens: number;
  minLines: number;
}

export const DUPLICATION_DEFAULTS: DuplicationOptions = { minTokens: 50, minLines: 5 };

const MAX_BUCKET = 64;
const MAX_CLONES = 10_000;
/** Below it a passage with other names or values is a list of one form, and an equal one is a single thing repeated. */
const MIN_VARIETY = { changed: 0.3, equal: 0.1 };

const NAMES = /identifier(?:_pattern)?$|^(?:name|word|variable_name|constant|instance_variable|this_type)$/;
const VALUES =
  /^(?:string|string_fragment|string_content|template_chars|number|integer|float|escape_sequence|interpreted_string_literal_content|raw_string_literal_content|int_literal|float_literal|character|char_literal|regex_pattern|jsx_text|string_literal|decimal_integer_literal|integer_literal|number_literal)$/;

const kinds = new Map<string, 'name' | 'value' | 'token'>();
function kindOf(type: string): 'name' | 'value' | 'token' {
  let kind = kinds.get(type);
  if (kind === undefined) kinds.set(type, (kind = NAMES.test(type) ? 'name' : VALUES.test(type) ? 'value' : 'token'));
  return kind;
}

/** FNV-1a, 30 bits, shifted so that the two lowest bits are free. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value << 2) >>> 0;
}

const tokenHashes = new Map<string, number>();
function tokenHash(type: string): number {
  let value = tokenHashes.get(type);
  if (value === undefined) tokenHashes.set(type, (value = hash(type)));
  return value;
}

export function tokensOf(tree: SyntaxTree): TokenStream {
  const values: number[] = [];
  const lines: number[] = [];
  let line = 1;
  let lineEnd = tree.source.indexOf('\n');
  for (let node = 0; node < tree.size; node++) {
    if (!tree.isLeaf(node) || tree.isComment(node)) continue;
    const start = tree.start(node);
    if (start === tree.end(node)) continue;
    while (lineEnd >= 0 && lineEnd < start) {
      line++;
      lineEnd = tree.source.indexOf('\n', lineEnd + 1);
    }
    const type = tree.type(node);
    const kind = kindOf(type);
    values.push(kind === 'token' ? tokenHash(type) : (hash(tree.text(node)) | (kind === 'name' ? 1 : 3)) >>> 0);
    lines.push(line);
  }
  return { values: Uint32Array.from(values), lines: Uint32Array.from(lines) };
}

/**
 * Finds passages of at least `minTokens` that occur twice.
 *
 * Windows of half that length are hashed with names and values made equal; of each run of neighbours only the least hash is kept
 * (winnowing: Schleimer, Wilkerson and Aiken 2003), which still cannot miss a passage of `minTokens`. What shares a hash
 * is compared token by token, stretched both ways, and cut where names are not replaced consistently. Lists that repeat
 * one form (imports, tables of data) are duplicates only when they say the same.
 */
export function findClones(files: readonly TokenStream[], options: DuplicationOptions = DUPLICATION_DEFAULTS): Clone[] {
  const width = Math.max(5, Math.floor(options.minTokens / 2));
  const buckets = new Map<number, Window[]>();
  files.forEach(({ values }, file) => {
    for (const [at, value] of fingerprints(values, width, options.minTokens - width + 1)) {
      const bucket = buckets.get(value);
      const window = { file, at, exact: exactHash(values, at, width) };
      if (bucket === undefined) buckets.set(value, [window]);
      else if (bucket.length < MAX_BUCKET) bucket.push(window);
    }
  });
  const search = new CloneSearch(files, options);
  for (const bucket of buckets.values())
    bucket.forEach((window, nth) => {
      if (nth === 0 || search.clones.length >= MAX_CLONES) return;
      // Against the first that says the same, or else the first of all, and the one before: enough to tie every copy to
      // its group, and to its original.
      const first = bucket.find(({ exact }) => exact === window.exact) ?? window;
      const twin = first === window ? bucket[0] : first;
      for (const other of new Set([twin, bucket[nth - 1]])) if (other) search.compare(other, window);
    });
  return search.clones;
}

/** A place whose fingerprint was taken; `exact` is the same where names and values are the same too. */
interface Window {
  file: number;
  at: number;
  exact: number;
}

function exactHash(values: Uint32Array, from: number, width: number): number {
  let sum = 0;
  for (let i = from; i < from + width; i++) sum = (Math.imul(sum, 31) + (values[i] ?? 0)) | 0;
  return sum;
}

/** A token with every name alike and every value alike. */
const plain = (value: number) => (value & 1 ? value & 3 : value);

function* fingerprints(
  values: Uint32Array,
  width: number,
  choose: number,
): Generator<[position: number, hash: number]> {
  const count = values.length - width + 1;
  if (count <= 0) return;
  const hashes = new Uint32Array(count);
  let power = 1;
  for (let i = 1; i < width; i++) power = Math.imul(power, 31);
  let rolling = 0;
  for (let i = 0; i < values.length; i++) {
    if (i >= width) rolling = (rolling - Math.imul(plain(values[i - width] ?? 0), power)) | 0;
    rolling = (Math.imul(rolling, 31) + plain(values[i] ?? 0)) | 0;
    if (i >= width - 1) {
      // Mixed, so that the least hash is not always the same kind of code.
      const mixed = Math.imul(rolling ^ (rolling >>> 15), 0x2c1b3c6d);
      hashes[i - width + 1] = (mixed ^ (mixed >>> 12)) >>> 0;
    }
  }
  // A queue of positions with rising hashes gives the least of each run in linear time.
  const queue: number[] = [];
  let head = 0;
  let last = -1;
  for (let i = 0; i < count; i++) {
    while (queue.length > head && (hashes[queue[queue.length - 1] ?? 0] ?? 0) >= (hashes[i] ?? 0)) queue.pop();
    queue.push(i);
    while ((queue[head] ?? 0) <= i - choose) head++;
    const least = queue[head] ?? 0;
    if ((i >= choose - 1 || i === count - 1) && least !== last) {
      last = least;
      yield [least, hashes[least] ?? 0];
    }
  }
}

/** Which name stands for another, and where it did so last. */
interface Replacement {
  by: number;
  last: number;
}

function put(names: Map<number, Replacement>, known: Replacement | undefined, name: number, by: number, last: number) {
  if (known === undefined) names.set(name, { by, last });
  else {
    known.by = by;
    known.last = last;
  }
}

/** Whether different sequences of four tokens are at least this share of all in the passage: near 0 for lists, near 1 for logic. */
function isVaried(
  values: Uint32Array,
  from: number,
  length: number,
  share: number,
  as = (value: number) => value,
): boolean {
  const enough = share * Math.max(1, length - 3);
  const seen = new Set<number>();
  for (let i = from; i + 4 <= from + length && seen.size < enough; i++) {
    let sum = 0;
    for (let j = i; j < i + 4; j++) sum = (Math.imul(sum, 31) + as(values[j] ?? 0)) | 0;
    seen.add(sum);
  }
  return seen.size >= enough;
}

class CloneSearch {
  readonly clones: Clone[] = [];
  /** Where a diagonal (two files, one distance) has been searched up to. */
  private readonly searched = new Map<number, number>();

  constructor(
    private readonly files: readonly TokenStream[],
    private readonly options: DuplicationOptions,
  ) {}

  compare({ file: fileA, at: a }: Window, { file: fileB, at: b }: Window): void {
    // One number for two files and a distance: distances stay below 2^22, as files have at most 2 MB.
    const key = (fileA * this.files.length + fileB) * 8_388_608 + (a - b);
    if ((this.searched.get(key) ?? -1) >= a) return;
    const [from, length] = this.stretch(fileA, a, fileB, b);
    this.searched.set(key, from + length);
    const shift = b - a;
    if (length >= this.options.minTokens) this.cut(fileA, from, fileB, from + shift, length);
  }

  /** The longest passage around the two places that is equal when names are. */
  private stretch(fileA: number, a: number, fileB: number, b: number): [from: number, length: number] {
    const one = this.files[fileA]?.values ?? new Uint32Array();
    const two = this.files[fileB]?.values ?? new Uint32Array();
    // Inside one file a passage must not overlap itself.
    const room = fileA === fileB ? Math.abs(a - b) : Infinity;
    let left = 0;
    while (left < a && left < b && plain(one[a - left - 1] ?? 0) === plain(two[b - left - 1] ?? 1) && left < room)
      left++;
    let right = 0;
    while (
      a + right < one.length &&
      b + right < two.length &&
      plain(one[a + right] ?? 0) === plain(two[b + right] ?? 1) &&
      left + right < room
    )
      right++;
    return [a - left, left + right];
  }

  /** The longest parts of a passage in which every name stands for the same other name throughout; they may overlap. */
  private cut(fileA: number, a: number, fileB: number, b: number, length: number): void {
    const one = this.files[fileA]?.values ?? new Uint32Array();
    const two = this.files[fileB]?.values ?? new Uint32Array();
    // Where nothing was replaced there is nothing to cut.
    let isEqual = true;
    for (let i = 0; i < length && isEqual; i++) isEqual = one[a + i] === two[b + i];
    if (isEqual) return this.judge(fileA, a, fileB, b, length);
    const there = new Map<number, Replacement>();
    const back = new Map<number, Replacement>();
    let start = 0;
    // A part that adds little to the one before it is not told again.
    let judged = 0;
    for (let i = 0; i <= length; i++) {
      const x = one[a + i] ?? 0;
      const y = two[b + i] ?? 0;
      const isName = (x & 3) === 1;
      let next = i < length ? start : length;
      if (isName && i < length) {
        const forward = there.get(x);
        const backward = back.get(y);
        if (forward && forward.by !== y) next = Math.max(next, forward.last + 1);
        if (backward && backward.by !== x) next = Math.max(next, backward.last + 1);
        put(there, forward, x, y, i);
        put(back, backward, y, x, i);
      }
      const isNew = i - Math.max(start, judged) >= this.options.minTokens / 2;
      if (next > start && i - start >= this.options.minTokens && isNew) {
        this.judge(fileA, a + start, fileB, b + start, i - start);
        judged = i;
      }
      start = next;
    }
  }

  /** Adds a passage: as it is when it is equal or varied enough to be no mere list, otherwise what is equal of it. */
  private judge(fileA: number, a: number, fileB: number, b: number, tokens: number): void {
    const one = this.files[fileA]?.values ?? new Uint32Array();
    const two = this.files[fileB]?.values ?? new Uint32Array();
    let from = 0;
    const runs: [from: number, length: number][] = [];
    for (let i = 0; i <= tokens; i++)
      if (i === tokens || one[a + i] !== two[b + i]) {
        if (i - from >= this.options.minTokens) runs.push([from, i - from]);
        from = i + 1;
      }
    if (runs[0]?.[1] !== tokens && isVaried(one, a, tokens, MIN_VARIETY.changed, plain))
      this.add(fileA, a, fileB, b, tokens, 2);
    else
      for (const [at, length] of runs)
        if (isVaried(one, a + at, length, MIN_VARIETY.equal)) this.add(fileA, a + at, fileB, b + at, length, 1);
  }

  private add(fileA: number, a: number, fileB: number, b: number, tokens: number, type: 1 | 2): void {
    const part = (file: number, from: number): ClonePart => {
      const { lines } = this.files[file] ?? { lines: new Uint32Array() };
      return { file, line: lines[from] ?? 1, endLine: lines[from + tokens - 1] ?? 1 };
    };
    const clone = { a: part(fileA, a), b: part(fileB, b), tokens, type };
    if (
      clone.a.endLine - clone.a.line + 1 < this.options.minLines ||
      clone.b.endLine - clone.b.line + 1 < this.options.minLines
    )
      return;
    this.clones.push(clone);
  }
}
