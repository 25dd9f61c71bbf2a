import type { SyntaxTree } from '../engine/syntax-tree';
import type { CodeRule } from './rule';

const TAG_NAMES = 'type|kind|variant|category|shape|species|_type|__typename|className|constructor\\.name';
/** A tag of an object, or one that was taken out of it. */
const TAG = new RegExp(`^\\(?(?:[\\w$.?!\\[\\]]{0,80}(?:\\.|\\[['"]))?(?:${TAG_NAMES})(?:['"]\\])?\\)?$`);
const BUILT_IN =
  'Date|Map|Set|WeakMap|WeakSet|RegExp|Promise|Array|Object|Function|Buffer|URL|ArrayBuffer|DataView|Uint8Array|Decimal';
/** A condition that asks for the type: what is asked, so that a chain can be told from unrelated questions. */
const ASKS: readonly RegExp[] = [
  new RegExp(`([\\w$.]{1,80})\\s+instanceof\\s+(?!(?:${BUILT_IN})\\b)[A-Z]\\w*`),
  /\bisinstance\(\s*([\w.]{1,80}),\s*[A-Z]\w*\s*\)/,
  /\btype\(\s*([\w.]{1,80})\s*\)\s*(?:==|is)\s*[A-Z]\w*/,
  new RegExp(`([\\w$.]{1,80})(?:\\.|\\[['"])(?:${TAG_NAMES})(?:['"]\\])?\\s*={2,3}\\s*(?:['"]|[A-Z])`),
];
const MIN_CASES = 3;

/** Open for extension, closed for modification. */
export const openClosed: CodeRule = {
  id: 'solid/open-closed',
  family: 'solid',
  target: 'code',
  title: 'Behaviour is chosen by asking for the type',
  level: 'warning',
  confidence: 'low',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'A switch over a type tag, or a chain of instanceof, with three or more branches must be found and changed for every new type. Let each type bring its own behaviour (a method, a table of handlers). Unions whose switch the compiler proves complete (never, assertNever) are left alone, as are reducers over `action`.',
  cwe: [1120],
  *check({ tree }) {
    for (const node of tree.ofType(new Set(['switch_statement', 'match_statement']))) {
      if (!tree.isNamed(node)) continue;
      const isMatch = tree.type(node) === 'match_statement';
      const subject = tree.text(tree.child(node, isMatch ? 'subject' : 'value'));
      const body = tree.child(node, 'body');
      if (!TAG.test(subject) || /^\(?action\./.test(subject) || body < 0 || /never/i.test(tree.text(node))) continue;
      const cases = [...tree.children(body)].filter((child) => {
        const type = tree.type(child);
        return type === 'switch_case' || (type === 'case_clause' && !/^case\s+_\s*:/.test(tree.text(child)));
      });
      if (cases.length >= MIN_CASES)
        yield {
          node,
          message: `${cases.length} cases over ${subject.replace(/^\(|\)$/g, '')}: each new type changes this switch`,
        };
    }
    const inChain = new Set<number>();
    for (const node of tree.ofType(new Set(['if_statement', 'ternary_expression']))) {
      if (!tree.isNamed(node) || inChain.has(node) || isElseIf(tree, node)) continue;
      const asked = new Map<string, number>();
      let isAboutErrors = false;
      for (const test of chainOf(tree, node, inChain)) {
        const subject = ASKS.map((pattern) => pattern.exec(test)?.[1]).find((found) => found !== undefined);
        if (subject !== undefined) asked.set(subject, (asked.get(subject) ?? 0) + 1);
        isAboutErrors ||= /Error\b|Exception\b/.test(test);
      }
      const [subject = '', count = 0] = [...asked].sort((a, b) => b[1] - a[1])[0] ?? [];
      if (count >= MIN_CASES && !isAboutErrors && subject !== 'action')
        yield { node, message: `${count} branches ask for the type of ${subject}: each new type changes this chain` };
    }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "function area(s) { switch (s.kind) { case 'a': return s.r * 3; case 'b': return s.w * s.h; case 'c': return s.x; default: return 0; } }",
      },
      {
        language: 'javascript',
        code: 'function pay(p) { if (p instanceof Card) { card(p); } else if (p instanceof Cash) { cash(p); } else if (p instanceof Cheque) { cheque(p); } }',
      },
      {
        language: 'python',
        code: 'def area(s):\n    if isinstance(s, Circle):\n        return s.r\n    elif isinstance(s, Square):\n        return s.w\n    elif isinstance(s, Triangle):\n        return s.h\n',
      },
      {
        language: 'typescript',
        code: "function f(e) { if (e.type === 'a') return a(e); else if (e.type === 'b') return b(e); else if (e.type === 'c') return c(e); }",
      },
    ],
    good: [
      {
        language: 'typescript',
        code: "function area(s) { switch (s.kind) { case 'a': return 1; case 'b': return 2; case 'c': return 3; default: return assertNever(s); } }",
      },
      {
        language: 'javascript',
        code: "function reduce(state, action) { switch (action.type) { case 'a': return 1; case 'b': return 2; case 'c': return 3; } }",
      },
      {
        language: 'javascript',
        code: "function f(s) { switch (s.kind) { case 'a': return 1; default: return 2; } }\nfunction g(n) { switch (n) { case 1: return 'a'; case 2: return 'b'; case 3: return 'c'; } }",
      },
      {
        language: 'python',
        code: 'def f(e):\n    if isinstance(e, ValueError):\n        return 1\n    elif isinstance(e, KeyError):\n        return 2\n    elif isinstance(e, TypeError):\n        return 3\n',
      },
      {
        language: 'typescript',
        code: 'const areas = { circle, square, triangle };\nconst area = (s) => areas[s.kind](s);',
      },
    ],
  },
};

function isElseIf(tree: SyntaxTree, node: number): boolean {
  return tree.type(tree.parent(node)) === 'else_clause';
}

/**
 * The conditions of an if and its else-ifs, of the ifs that follow when each of them leaves the function, and of ternaries
 * in the place of `else`. Members of the chain are noted in `seen`.
 */
function chainOf(tree: SyntaxTree, first: number, seen: Set<number>): string[] {
  const tests: string[] = [];
  const isTernary = tree.type(first) === 'ternary_expression';
  for (let node = first; node >= 0 && tests.length < 200;) {
    seen.add(node);
    const end = ifAndElses(tree, node, tests, seen);
    if (isTernary) node = end;
    else node = leaves(tree, node) ? nextStatement(tree, node) : -1;
  }
  return tests;
}

/** Takes the conditions of one statement. @returns the ternary that stands for `else`, -1 for none */
function ifAndElses(tree: SyntaxTree, node: number, tests: string[], seen: Set<number>): number {
  if (tree.type(node) === 'ternary_expression') {
    tests.push(conditionOf(tree, node));
    const otherwise = tree.child(node, 'alternative');
    return otherwise >= 0 && tree.type(otherwise) === 'ternary_expression' ? otherwise : -1;
  }
  for (let at = node; at >= 0 && tests.length < 200;) {
    seen.add(at);
    tests.push(conditionOf(tree, at));
    for (const child of tree.children(at)) if (tree.type(child) === 'elif_clause') tests.push(conditionOf(tree, child));
    const otherwise = tree.childOfType(at, 'else_clause');
    at = otherwise < 0 ? -1 : tree.childOfType(otherwise, 'if_statement');
  }
  return -1;
}

const conditionOf = (tree: SyntaxTree, node: number) => tree.text(tree.child(node, 'condition')).slice(0, 300);

/** Whether the branch of an if without else ends the function. */
function leaves(tree: SyntaxTree, node: number): boolean {
  const branch = tree.child(node, 'consequence');
  if (branch < 0 || tree.childOfType(node, 'else_clause') >= 0) return false;
  return /(?:^|[{\n;:])\s*(?:return\b|throw\b|raise\b)[^\n]*(?:\n\s*\}?\s*)?$/.test(tree.text(branch).slice(-400));
}

/** The if that comes right after a statement, -1 when something else does. */
function nextStatement(tree: SyntaxTree, node: number): number {
  let next = tree.next(node);
  while (next < tree.size && tree.isComment(next) && tree.parent(next) === tree.parent(node)) next = tree.next(next);
  return next < tree.size && tree.parent(next) === tree.parent(node) && tree.type(next) === 'if_statement' ? next : -1;
}
