import type { SyntaxTree } from '../engine/syntax-tree';
import type { CodeRule } from './rule';

const TAG =
  /(?:\.|\[['"])(?:type|kind|variant|category|shape|species|_type|__typename|className|constructor\.name)(?:['"]\])?\)?$/;
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
    for (const node of tree.ofType(new Set(['switch_statement']))) {
      if (!tree.isNamed(node)) continue;
      const subject = tree.text(tree.child(node, 'value'));
      const body = tree.child(node, 'body');
      if (!TAG.test(subject) || /^\(?action\./.test(subject) || body < 0 || /never/i.test(tree.text(node))) continue;
      const cases = [...tree.children(body)].filter((child) => tree.type(child) === 'switch_case');
      if (cases.length >= MIN_CASES)
        yield {
          node,
          message: `${cases.length} cases over ${subject.replace(/^\(|\)$/g, '')}: each new type changes this switch`,
        };
    }
    for (const node of tree.ofType(new Set(['if_statement']))) {
      if (!tree.isNamed(node) || isElseIf(tree, node)) continue;
      const tests = chainOf(tree, node);
      const kinds = tests.filter((test) =>
        /\binstanceof\s+[A-Z]\w*|\bisinstance\([^,]+,\s*[A-Z]\w*\)|\.(?:type|kind|shape|variant)\s*={2,3}\s*['"\w]/.test(
          test,
        ),
      );
      if (
        kinds.length >= MIN_CASES &&
        !/^\(?action\./.test(kinds[0] ?? '') &&
        !kinds.some((kind) => /Error\b|Exception\b/.test(kind))
      )
        yield { node, message: `${kinds.length} branches ask for the type: each new type changes this chain` };
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

/** The conditions of an if and its else-ifs. */
function chainOf(tree: SyntaxTree, node: number): string[] {
  const tests: string[] = [];
  for (let at = node; at >= 0 && tests.length < 200;) {
    tests.push(tree.text(tree.child(at, 'condition')).slice(0, 300));
    for (const child of tree.children(at))
      if (tree.type(child) === 'elif_clause') tests.push(tree.text(tree.child(child, 'condition')).slice(0, 300));
    const otherwise = tree.childOfType(at, 'else_clause');
    at = otherwise < 0 ? -1 : tree.childOfType(otherwise, 'if_statement');
  }
  return tests;
}
