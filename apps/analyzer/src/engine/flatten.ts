import type { Language, Tree } from 'web-tree-sitter';
import { SyntaxTree } from './syntax-tree';

/**
 * The parser's WebAssembly functions, as Emscripten puts them on the object given to `Parser.init`.
 *
 * The cursor's state lies in a transfer buffer that the public `TreeCursor` copies out and in on each of its calls;
 * here it stays where it is, which makes the walk five times as fast. Nothing else may touch the parser meanwhile.
 */
export interface Binding {
  _ts_tree_root_node_wasm(tree: number): void;
  _ts_tree_cursor_new_wasm(tree: number): void;
  _ts_tree_cursor_delete_wasm(tree: number): void;
  _ts_tree_cursor_goto_first_child_wasm(tree: number): number;
  _ts_tree_cursor_goto_next_sibling_wasm(tree: number): number;
  _ts_tree_cursor_goto_parent_wasm(tree: number): number;
  _ts_tree_cursor_current_node_type_id_wasm(tree: number): number;
  _ts_tree_cursor_current_field_id_wasm(tree: number): number;
  _ts_tree_cursor_start_index_wasm(tree: number): number;
  _ts_tree_cursor_end_index_wasm(tree: number): number;
}

const ERROR_ID = 65_535;

/** A list of numbers that grows by doubling; a plain array of numbers costs twice as much to fill and to read. */
class Numbers {
  values = new Uint32Array(4096);

  reserve(length: number): void {
    if (length < this.values.length) return;
    const grown = new Uint32Array(this.values.length * 2);
    grown.set(this.values);
    this.values = grown;
  }
}

/** Copies a parser's tree into flat arrays; the parser's tree can be deleted afterwards. */
export function flatten(binding: Binding, tree: Tree, source: string): SyntaxTree {
  const { names, named } = typesOf(tree.language);
  const fieldNames = tree.language.fields.map((name) => name ?? '');
  const hasError = tree.rootNode.hasError;
  const handle = (tree as unknown as { 0: number })[0];
  const types: string[] = [];
  const fields: string[] = [];
  const starts = new Numbers();
  const ends = new Numbers();
  const parents = new Numbers();
  const after = new Numbers();
  const flags = new Numbers();

  binding._ts_tree_root_node_wasm(handle);
  binding._ts_tree_cursor_new_wasm(handle);
  let parent = -1;
  let size = 0;
  walk: for (;;) {
    const node = size++;
    starts.reserve(size);
    ends.reserve(size);
    parents.reserve(size);
    after.reserve(size);
    flags.reserve(size);
    const id = binding._ts_tree_cursor_current_node_type_id_wasm(handle);
    const field = binding._ts_tree_cursor_current_field_id_wasm(handle);
    flags.values[node] = id === ERROR_ID ? 1 : (named[id] ?? 0);
    types.push(id === ERROR_ID ? 'ERROR' : (names[id] ?? ''));
    fields.push(field === 0 ? '' : (fieldNames[field] ?? ''));
    parents.values[node] = parent + 1;
    starts.values[node] = binding._ts_tree_cursor_start_index_wasm(handle);
    if (binding._ts_tree_cursor_goto_first_child_wasm(handle) === 1) {
      parent = node;
      continue;
    }
    ends.values[node] = binding._ts_tree_cursor_end_index_wasm(handle);
    after.values[node] = node + 1;
    while (binding._ts_tree_cursor_goto_next_sibling_wasm(handle) !== 1) {
      if (parent < 0 || binding._ts_tree_cursor_goto_parent_wasm(handle) !== 1) break walk;
      ends.values[parent] = binding._ts_tree_cursor_end_index_wasm(handle);
      after.values[parent] = size;
      parent = (parents.values[parent] ?? 0) - 1;
    }
  }
  binding._ts_tree_cursor_delete_wasm(handle);

  return new SyntaxTree(
    source,
    types,
    Uint8Array.from(flags.values.subarray(0, size)),
    fields,
    starts.values.subarray(0, size),
    ends.values.subarray(0, size),
    Int32Array.from(parents.values.subarray(0, size), (value) => value - 1),
    after.values.subarray(0, size),
    hasError,
  );
}

interface NodeTypes {
  names: string[];
  /** 1 where the id is a rule of the grammar, 0 where it is a literal token (Ruby has an `if` of each kind). */
  named: Uint8Array;
}

const typesByLanguage = new WeakMap<Language, NodeTypes>();

function typesOf(language: Language): NodeTypes {
  const known = typesByLanguage.get(language);
  if (known) return known;
  const types = {
    names: [...language.types],
    named: Uint8Array.from(language.types, (_, id) => (language.nodeTypeIsNamed(id) ? 1 : 0)),
  };
  typesByLanguage.set(language, types);
  return types;
}
