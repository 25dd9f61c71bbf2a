import type { SyntaxTree } from './syntax-tree';

export interface LineCounts {
  total: number;
  code: number;
  comment: number;
  blank: number;
}

/** Marks of each line from 1: bit 1 has code, bit 2 has comment. */
export function lineMarks(tree: SyntaxTree): Uint8Array {
  const marks = new Uint8Array(tree.lineCount + 2);
  let line = 1;
  let lineEnd = tree.source.indexOf('\n');
  // Leaves come in the order of the text, so one pass with a moving line is enough.
  const advance = (offset: number) => {
    while (lineEnd >= 0 && lineEnd < offset) {
      line++;
      lineEnd = tree.source.indexOf('\n', lineEnd + 1);
    }
    return line;
  };
  for (let node = 0; node < tree.size; node++) {
    if (!tree.isLeaf(node) || tree.start(node) === tree.end(node)) continue;
    const mark = tree.isComment(node) ? 2 : 1;
    const first = advance(tree.start(node));
    const last = advance(Math.max(tree.start(node), tree.end(node) - 1));
    for (let at = first; at <= last; at++) marks[at] = (marks[at] ?? 0) | mark;
  }
  return marks;
}

/** Counts lines `from … to` (from 1, inclusive). A line with code and a comment is a line of code. */
export function countLines(marks: Uint8Array, from: number, to: number): LineCounts {
  const counts: LineCounts = { total: Math.max(0, to - from + 1), code: 0, comment: 0, blank: 0 };
  for (let line = from; line <= to; line++) {
    const mark = marks[line] ?? 0;
    if (mark & 1) counts.code++;
    else if (mark & 2) counts.comment++;
    else counts.blank++;
  }
  return counts;
}
