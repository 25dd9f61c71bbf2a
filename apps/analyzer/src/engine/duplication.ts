import type { SyntaxTree } from './syntax-tree';

/**
 * The tokens of a file for the search of duplicates. A value's lowest bit says whether the token is a name; names keep
 * their own hash so that a renaming can be checked, texts and numbers are all alike.
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
  /** 1: equal but for layout and comments; 2: names consistently replaced. */
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

const NAMES = /identifier$|^(?:name|word|variable_name|constant|instance_variable|this_type)$/;
const VALUES =
  /^(?:string|string_fragment|string_content|template_chars|number|integer|float|escape_sequence|interpreted_string_literal_content|raw_string_literal_content|int_literal|float_literal|character|char_literal|regex_pattern|jsx_text|string_literal|decimal_integer_literal|integer_literal|number_literal)$/;

const kinds = new Map<string, 'name' | 'value' | 'token'>();
function kindOf(type: string): 'name' | 'value' | 'token' {
  let kind = kinds.get(type);
  if (kind === undefined) kinds.set(type, (kind = NAMES.test(type) ? 'name' : VALUES.test(type) ? 'value' : 'token'));
  return kind;
}

/** FNV-1a, 31 bits, shifted so that the lowest bit is free. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value << 1) >>> 0;
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
    values.push(kind === 'name' ? hash(tree.text(node)) | 1 : hash(kind === 'value' ? '"' : type));
    lines.push(line);
  }
  return { values: Uint32Array.from(values), lines: Uint32Array.from(lines) };
}

/**
 * Finds passages of at least `minTokens` that occur twice.
 *
 * Windows of half that length are hashed with names made equal; of each run of neighbours only the least hash is kept
 * (winnowing: Schleimer, Wilkerson and Aiken 2003), which still cannot miss a passage of `minTokens`. What shares a hash
 * is compared token by token, stretched both ways, and cut where names are not replaced consistently.
 */
export function findClones(files: readonly TokenStream[], options: DuplicationOptions = DUPLICATION_DEFAULTS): Clone[] {
  const width = Math.max(5, Math.floor(options.minTokens / 2));
  const buckets = new Map<number, number[]>();
  files.forEach((file, index) => {
    for (const [position, value] of fingerprints(file.values, width, options.minTokens - width + 1)) {
      const bucket = buckets.get(value);
      if (bucket === undefined) buckets.set(value, [index, position]);
      else if (bucket.length < MAX_BUCKET * 2) bucket.push(index, position);
    }
  });
  const search = new CloneSearch(files, options);
  for (const bucket of buckets.values())
    for (let at = 2; at < bucket.length && search.clones.length < MAX_CLONES; at += 2) {
      // Against the first and the one before: enough to tie every copy to its group.
      search.compare(bucket[0] ?? 0, bucket[1] ?? 0, bucket[at] ?? 0, bucket[at + 1] ?? 0);
      if (at > 2) search.compare(bucket[at - 2] ?? 0, bucket[at - 1] ?? 0, bucket[at] ?? 0, bucket[at + 1] ?? 0);
    }
  return search.clones;
}

const plain = (value: number) => (value & 1 ? 1 : value);

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

class CloneSearch {
  readonly clones: Clone[] = [];
  /** Where a diagonal (two files, one distance) has been searched up to. */
  private readonly searched = new Map<number, number>();

  constructor(
    private readonly files: readonly TokenStream[],
    private readonly options: DuplicationOptions,
  ) {}

  compare(fileA: number, a: number, fileB: number, b: number): void {
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

  /** Parts of a passage in which every name stands for the same other name throughout. */
  private cut(fileA: number, a: number, fileB: number, b: number, length: number): void {
    const one = this.files[fileA]?.values ?? new Uint32Array();
    const two = this.files[fileB]?.values ?? new Uint32Array();
    let start = 0;
    let there = new Map<number, number>();
    let back = new Map<number, number>();
    let renamed = false;
    for (let i = 0; i <= length; i++) {
      const x = one[a + i] ?? 0;
      const y = two[b + i] ?? 0;
      const fits = i < length && (!(x & 1) || ((there.get(x) ?? y) === y && (back.get(y) ?? x) === x));
      if (!fits) {
        if (i - start >= this.options.minTokens)
          this.add(fileA, a + start, fileB, b + start, i - start, renamed ? 2 : 1);
        start = i;
        there = new Map();
        back = new Map();
        renamed = false;
      }
      if (i < length && x & 1) {
        there.set(x, y);
        back.set(y, x);
        if (x !== y) renamed = true;
      }
    }
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
