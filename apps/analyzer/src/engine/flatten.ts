import type { Language, Tree } from 'web-tree-sitter';
import { type NodeNames, SyntaxTree } from './syntax-tree';

/** The parser's memory, as Emscripten puts it on the object given to `Parser.init`; replaced when it grows. */
export interface Binding {
  HEAPU8: Uint8Array;
  HEAPU16: Uint16Array;
  HEAPU32: Uint32Array;
}

/**
 * Where tree-sitter keeps what is read here: offsets in bytes into its structures `TSTree`, `TSLanguage` and `Subtree`
 * (lib/src/tree.h, parser.h and subtree.h) as they lie in 32-bit memory. The children of a subtree stand before it.
 */
const TREE = { root: 0, language: 8 };
const LANGUAGE = { aliasLength: 36, fieldSlices: 64, fields: 68, publicIds: 76, aliases: 84 };
const SUBTREE = { padding: 4, size: 16, children: 36, id: 40, flags: 44, visible: 48, descendants: 56, production: 66 };
const POINTER_BYTES = 8;
const ERROR_ID = 65_535;
/** Bits of a subtree's flags; those of one that is stored in its pointer are the same, one place higher. */
const VISIBLE = 1;
const EXTRA = 4;

/** Numbers of one level of the walk that are put aside while a subtree is walked. */
const FRAME = 9;

/**
 * Copies a parser's tree into flat arrays; the parser's tree can be deleted afterwards.
 *
 * Reads the parser's memory directly: its cursor takes four times as long, which is then a third of the whole time of
 * reading a file. What the cursor says is the measure (`flatten.spec.ts`): hidden subtrees give their place to their
 * children, an alias gives a child another name (and makes a hidden one visible), and a field belongs to the first visible
 * subtrees below the child it is declared for.
 */
export function flatten({ HEAPU8, HEAPU16, HEAPU32 }: Binding, tree: Tree, source: string): SyntaxTree {
  const names = namesOf(tree.language);
  const errorId = names.types.length - 1;
  const handle = (tree as unknown as { 0: number })[0];
  const word = (address: number) => HEAPU32[address >> 2] as number;
  const half = (address: number) => HEAPU16[address >> 1] as number;

  const language = word(handle + TREE.language);
  const aliasBytes = half(language + LANGUAGE.aliasLength) * 2;
  const fieldSlices = word(language + LANGUAGE.fieldSlices);
  const fieldEntries = word(language + LANGUAGE.fields);
  const publicIds = word(language + LANGUAGE.publicIds);
  const aliases = word(language + LANGUAGE.aliases);

  const root = word(handle + TREE.root);
  const isLeaf = (root & 1) === 1 || word(root + SUBTREE.children) === 0;
  const size = isLeaf ? 1 : word(root + SUBTREE.descendants) + 1;
  const types = new Uint16Array(size);
  const fields = new Uint16Array(size);
  const starts = new Uint32Array(size);
  const ends = new Uint32Array(size);
  const parents = new Int32Array(size);
  const after = new Uint32Array(size);

  let stack = new Uint32Array(FRAME * 64);
  let depth = 0;
  // The level that is walked: its next child, where the text of that begins, and whose node the children become.
  let child = handle + TREE.root;
  let last = child + POINTER_BYTES;
  let isFirst = false;
  let position = 0;
  let structural = 0;
  let alias = 0;
  let field = 0;
  let fieldEnd = 0;
  let parent = -1;
  /** The field of the hidden subtree whose children are walked. */
  let outerField = 0;
  /** The node that ends with this level, plus one; 0 when the level is that of a hidden subtree. */
  let ending = 0;
  let node = 0;

  for (;;) {
    if (child === last) {
      if (ending > 0) {
        after[ending - 1] = node;
        parent = parents[ending - 1] as number;
      }
      if (depth === 0) break;
      depth -= FRAME;
      child = stack[depth] as number;
      last = stack[depth + 1] as number;
      position = stack[depth + 2] as number;
      structural = stack[depth + 3] as number;
      alias = stack[depth + 4] as number;
      field = stack[depth + 5] as number;
      fieldEnd = stack[depth + 6] as number;
      outerField = stack[depth + 7] as number;
      ending = stack[depth + 8] as number;
      isFirst = false;
      continue;
    }
    const pointer = word(child);
    const isInline = (pointer & 1) === 1;
    const packed = isInline ? word(child + 4) : 0;
    const flags = isInline ? (pointer >> 1) & 7 : (HEAPU8[pointer + SUBTREE.flags] as number);
    if (!isFirst) position += isInline ? (packed >> 16) & 255 : word(pointer + SUBTREE.padding);
    isFirst = false;
    const start = position;
    position += isInline ? packed >>> 24 : word(pointer + SUBTREE.size);
    child += POINTER_BYTES;

    let id = 0;
    let own = 0;
    if ((flags & EXTRA) === 0) {
      if (alias !== 0) id = half(alias + structural * 2);
      own = outerField;
      // An entry is its field, the child it is for, and whether the child only passes the field on.
      for (let entry = field; entry < fieldEnd; entry += 4)
        if (HEAPU8[entry + 2] === structural && HEAPU8[entry + 3] === 0) {
          own = half(entry);
          break;
        }
      structural++;
    }
    const isVisible = id !== 0 || (flags & VISIBLE) !== 0;
    if (isVisible) {
      if (id === 0) id = isInline ? (pointer >> 8) & 255 : half(pointer + SUBTREE.id);
      types[node] = id === ERROR_ID ? errorId : half(publicIds + id * 2);
      fields[node] = own;
      starts[node] = start >> 1;
      ends[node] = position >> 1;
      after[node] = node + 1;
    }
    const count = isInline ? 0 : word(pointer + SUBTREE.children);
    if (count === 0 || !(isVisible || word(pointer + SUBTREE.visible) > 0)) {
      if (isVisible) parents[node++] = parent;
      continue;
    }

    if (depth + FRAME > stack.length) {
      const grown = new Uint32Array(stack.length * 2);
      grown.set(stack);
      stack = grown;
    }
    stack[depth] = child;
    stack[depth + 1] = last;
    stack[depth + 2] = position;
    stack[depth + 3] = structural;
    stack[depth + 4] = alias;
    stack[depth + 5] = field;
    stack[depth + 6] = fieldEnd;
    stack[depth + 7] = outerField;
    stack[depth + 8] = ending;
    depth += FRAME;
    last = pointer;
    child = pointer - count * POINTER_BYTES;
    isFirst = true;
    position = start;
    structural = 0;
    const production = half(pointer + SUBTREE.production);
    alias = production === 0 ? 0 : aliases + production * aliasBytes;
    const slice = fieldSlices + production * 4;
    field = fieldSlices === 0 ? 0 : fieldEntries + half(slice) * 4;
    fieldEnd = fieldSlices === 0 ? 0 : field + half(slice + 2) * 4;
    if (isVisible) {
      outerField = 0;
      parents[node] = parent;
      parent = node++;
      ending = node;
    } else {
      outerField = own;
      ending = 0;
    }
  }
  return new SyntaxTree(source, names, types, fields, starts, ends, parents, after, tree.rootNode.hasError);
}

const namesByLanguage = new WeakMap<Language, NodeNames>();

function namesOf(language: Language): NodeNames {
  const known = namesByLanguage.get(language);
  if (known) return known;
  const names: NodeNames = {
    types: [...language.types, 'ERROR'],
    named: Uint8Array.from([...language.types.map((_, id) => (language.nodeTypeIsNamed(id) ? 1 : 0)), 1]),
    fields: language.fields.map((name) => name ?? ''),
  };
  namesByLanguage.set(language, names);
  return names;
}
