/** What the numbers of a tree's types and fields stand for. */
export interface NodeNames {
  /** Strings are shared by all trees of a language, so comparing them costs a pointer. */
  readonly types: readonly string[];
  /** 1 where a type stands in the grammar under a name, 0 where it is a literal token (Ruby has an `if` of each kind). */
  readonly named: Uint8Array;
  /** '' for the number 0: no field. */
  readonly fields: readonly string[];
}

/**
 * A parsed file as flat arrays in document order (pre-order).
 *
 * One walk over the parser's tree fills the arrays; every analysis then runs without a call into WebAssembly. Node `i`
 * has its descendants at `i + 1 … end of subtree - 1`; anonymous tokens (operators, brackets) are nodes too.
 */
export class SyntaxTree {
  /** First line of each offset: `lineStarts[n]` is where line n (from 0) begins. */
  private lineStarts: Uint32Array | undefined;

  constructor(
    readonly source: string,
    readonly names: NodeNames,
    /** Number of the node's type, by node. */
    readonly types: Uint16Array,
    /** Number of the field the node fills in its parent. */
    private readonly fields: Uint16Array,
    private readonly starts: Uint32Array,
    private readonly ends: Uint32Array,
    private readonly parents: Int32Array,
    /** Index after the node's last descendant: also its next sibling when that has the same parent. */
    private readonly after: Uint32Array,
    /** Whether the parser had to skip or invent something. */
    readonly hasError: boolean,
  ) {}

  get size(): number {
    return this.types.length;
  }

  type(node: number): string {
    return this.names.types[this.types[node] ?? -1] ?? '';
  }

  field(node: number): string {
    return this.names.fields[this.fields[node] ?? 0] ?? '';
  }

  start(node: number): number {
    return this.starts[node] ?? 0;
  }

  end(node: number): number {
    return this.ends[node] ?? 0;
  }

  /** The enclosing node, -1 for the root. */
  parent(node: number): number {
    return this.parents[node] ?? -1;
  }

  /** Index after the last descendant of the node. */
  next(node: number): number {
    return this.after[node] ?? this.size;
  }

  isNamed(node: number): boolean {
    return this.names.named[this.types[node] ?? -1] === 1;
  }

  isLeaf(node: number): boolean {
    return this.next(node) === node + 1;
  }

  text(node: number): string {
    return this.source.slice(this.start(node), this.end(node));
  }

  /** Direct children, tokens included. */
  *children(node: number): Generator<number> {
    const end = this.next(node);
    for (let child = node + 1; child < end; child = this.next(child)) yield child;
  }

  /** Direct children that are not tokens and not comments. */
  *namedChildren(node: number): Generator<number> {
    for (const child of this.children(node)) if (this.isNamed(child) && !this.isComment(child)) yield child;
  }

  /** The child that fills a field of the grammar, -1 when there is none. */
  child(node: number, field: string): number {
    const end = this.next(node);
    for (let child = node + 1; child < end; child = this.next(child)) if (this.field(child) === field) return child;
    return -1;
  }

  childOfType(node: number, type: string): number {
    const end = this.next(node);
    for (let child = node + 1; child < end; child = this.next(child)) if (this.type(child) === type) return child;
    return -1;
  }

  firstNamed(node: number): number {
    for (const child of this.namedChildren(node)) return child;
    return -1;
  }

  isComment(node: number): boolean {
    const type = this.type(node);
    return type === 'comment' || type === 'line_comment' || type === 'block_comment' || type === 'html_comment';
  }

  /** The nearest enclosing node of one of these types, -1 when there is none. */
  ancestor(node: number, types: ReadonlySet<string>): number {
    let at = this.parent(node);
    while (at >= 0 && !types.has(this.type(at))) at = this.parent(at);
    return at;
  }

  /** Nodes of one type below `within` (default: the whole file), in document order. */
  *ofType(types: ReadonlySet<string>, within = 0): Generator<number> {
    const end = this.next(within);
    for (let node = within; node < end; node++) if (types.has(this.type(node))) yield node;
  }

  /** Line from 1 of an offset into the source. */
  lineAt(offset: number): number {
    const starts = (this.lineStarts ??= lineStartsOf(this.source));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** Column from 1 of an offset, in UTF-16 units as SARIF and editors count. */
  columnAt(offset: number): number {
    const line = this.lineAt(offset);
    return offset - (this.lineStarts?.[line - 1] ?? 0) + 1;
  }

  get lineCount(): number {
    return (this.lineStarts ??= lineStartsOf(this.source)).length;
  }
}

function lineStartsOf(source: string): Uint32Array {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}
