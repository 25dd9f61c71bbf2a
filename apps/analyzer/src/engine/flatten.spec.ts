import { Parser, type TreeCursor } from 'web-tree-sitter';
import { LANGUAGE_IDS, type LanguageId } from './languages';
import { corpus } from './oracles/corpus';
import { parse, prepare } from './parser';

interface Walked {
  type: string;
  named: boolean;
  field: string;
  start: number;
  end: number;
  parent: number;
  next: number;
}

/** What the parser's own cursor sees, in the order of the text. */
function walked(cursor: TreeCursor): Walked[] {
  const nodes: Walked[] = [];
  const visit = (parent: number) => {
    const at = nodes.length;
    const node = {
      type: cursor.nodeType,
      named: cursor.nodeIsNamed,
      field: cursor.currentFieldName ?? '',
      start: cursor.startIndex,
      end: cursor.endIndex,
      parent,
      next: 0,
    };
    nodes.push(node);
    if (cursor.gotoFirstChild()) {
      do visit(at);
      while (cursor.gotoNextSibling());
      cursor.gotoParent();
    }
    node.next = nodes.length;
  };
  visit(-1);
  return nodes;
}

async function bothWays(language: LanguageId, source: string): Promise<[ours: Walked[], theirs: Walked[]]> {
  const grammar = await prepare(language);
  const parser = new Parser();
  parser.setLanguage(grammar);
  const tree = parser.parse(source);
  if (!tree) throw new Error('not parsed');
  const cursor = tree.walk();
  const theirs = walked(cursor);
  cursor.delete();
  tree.delete();
  parser.delete();
  const flat = await parse(source, language);
  const ours = Array.from({ length: flat.size }, (_, node) => ({
    type: flat.type(node),
    named: flat.isNamed(node),
    field: flat.field(node),
    start: flat.start(node),
    end: flat.end(node),
    parent: flat.parent(node),
    next: flat.next(node),
  }));
  return [ours, theirs];
}

/** The first node that both do not see alike. */
async function difference(language: LanguageId, source: string): Promise<unknown> {
  const [ours, theirs] = await bothWays(language, source);
  const at = theirs.findIndex((node, i) => JSON.stringify(node) !== JSON.stringify(ours[i]));
  if (at >= 0) return { at, ours: ours[at], theirs: theirs[at], before: theirs.slice(Math.max(0, at - 3), at) };
  return ours.length === theirs.length ? undefined : { ours: ours.length, theirs: theirs.length };
}

/** As the grammars that installed packages hold no file of. */
const SAMPLES: Partial<Record<LanguageId, string>> = {
  java: `package a; /** doc */ @Deprecated public class A<T extends B> implements C { private final int x = 1, y;
    A(int... n) throws E { super(n); label: for (int i = 0; i < n.length; i++) { if (i > 1 && x != 2) continue label; else x--; } }
    static <U> U f(U u) { try (var r = open()) { return switch (u) { case B b when b.ok() -> b; default -> null; }; } catch (E | F e) { throw e; } finally { } } }`,
  csharp: `using System; namespace N { // comment
    public record R(int A); class A : B, IC { public int X { get; set; } = 1; event Handler H;
    async Task<int> F<T>(ref T t, params int[] n) where T : class { await foreach (var i in n) { if (i is > 1 and < 5) yield return i; else x ??= 2; }
    return t switch { null => 0, R { A: 1 } => 1, _ => n?.Length ?? 3 }; } } }`,
  rust: `use a::{b, c as d}; #[derive(Debug)] /* comment */ pub struct S<'a, T: X> { pub a: &'a T, }
    impl<'a> S<'a> { fn f(&mut self, n: u8) -> Option<u8> { 'outer: loop { match n { 0 | 1 if n > 0 => break 'outer, x @ 2..=9 => return Some(x), _ => {} } } if let Some(y) = g()? { y } else { None } } }
    macro_rules! m { ($x:expr) => { $x + 1 }; }`,
  ruby: `# comment
class A < B::C
  attr_reader :x
  def self.f(a, b = 1, *rest, k:, &block)
    return yield(a) unless a && b or rest.empty?
    case a when 1, 2 then "x#{b}y" else %w[p q].map { |i| i.to_s } end
  rescue E, F => e
    raise
  ensure
    @x ||= <<~TEXT
      long #{text}
    TEXT
  end
end
`,
};
const PACKAGES = [
  'flatted',
  '@parcel/watcher/src',
  'playwright-core/bin',
  'rxjs/src/internal/scheduler',
  'yaml/dist/compose',
];

/** Ends where a statement does not, and is interrupted by what is no code. */
const broken = (source: string) => {
  const cut = source.slice(0, source.length * 0.6);
  const middle = cut.length >> 1;
  return `${cut.slice(0, middle)} }) @§ \u{1F600} "${cut.slice(middle)}`;
};

it('sees of every language what the cursor of the parser sees, in whole files and in broken ones', async () => {
  const files = [
    ...[...corpus(PACKAGES, 30_000)].map(({ language, source }): [LanguageId, string] => [language, source]),
    ...(Object.entries(SAMPLES) as [LanguageId, string][]),
    ['tsx', 'const a = <A.B {...p} c="d" e={() => <></>}>text &amp; {f}</A.B>;'] as [LanguageId, string],
    ['typescript', ''] as [LanguageId, string],
    ['javascript', '// a comment alone'] as [LanguageId, string],
  ];
  expect(LANGUAGE_IDS.filter((id) => !files.some(([language]) => language === id))).toEqual([]);
  for (const [language, source] of files) {
    expect([language, source.slice(0, 80), await difference(language, source)]).toEqual([
      language,
      source.slice(0, 80),
      undefined,
    ]);
    const wrong = broken(source);
    expect([language, source.slice(0, 80), await difference(language, wrong)]).toEqual([
      language,
      source.slice(0, 80),
      undefined,
    ]);
  }
});
