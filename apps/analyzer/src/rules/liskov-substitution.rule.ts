import { classesOf } from '../engine/cohesion';
import { parameterNames } from '../engine/code-queries';
import type { CodeFile } from '../engine/code-file';
import type { CodeRule } from './rule';

const REFUSES =
  /^\{?\s*(?:\/\/[^\n]*\n\s*)?(?:"""[\s\S]*?"""\s*)?(?:throw new \w*(?:NotImplemented|NotSupported|Unsupported)\w*\(|throw new Error\(\s*['"`](?:not (?:implemented|supported|allowed)|unsupported|cannot)|raise (?:\w{1,40}\.){0,3}(?:NotImplementedError|UnsupportedOperation|NotSupportedError|TypeError\(["'](?:not|cannot)))/i;

/** A subclass keeps what its base promised. */
export const liskovSubstitution: CodeRule = {
  id: 'solid/liskov-substitution',
  family: 'solid',
  target: 'code',
  title: 'A subclass takes back what its base promised',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'Evidence: an override that only throws "not supported", that does nothing where the base (in the same file) does something, or that demands more arguments. Callers that hold the base break when they get this class. Split the base, or do not derive from it.',
  cwe: [1096],
  *check(file) {
    const { tree, language } = file;
    const shapes = classesOf(tree, language);
    const byName = new Map(shapes.map((shape) => [shape.name, shape]));
    for (const shape of shapes) {
      const base = baseOf(file, shape.node);
      if (
        base === '' ||
        /^(?:ABC|Protocol|object)$/.test(base) ||
        /^(?:Abstract|Base)/.test(shape.name) ||
        isAbstract(file, shape.node)
      )
        continue;
      const parent = byName.get(base);
      for (const method of shape.methods) {
        if (method.isConstructor || method.isStatic) continue;
        const body = bodyOf(file, method.node);
        const inherited = parent?.methods.find(({ name }) => name === method.name);
        const promised = inherited ? bodyOf(file, inherited.node) : '';
        const isKept = inherited !== undefined && !isEmpty(promised) && !onlyThrows(promised);
        const what =
          REFUSES.test(body) || (isKept && onlyThrows(body))
            ? 'only refuses'
            : isKept && (isEmpty(body) || (givesNothing(body) && /\breturn\b\s*[^\s;}]/.test(promised)))
              ? 'does nothing, where the base does something'
              : inherited && required(file, method.node) > parameterNames(tree, inherited.node).length
                ? 'demands more arguments than the base'
                : '';
        if (what !== '')
          yield {
            node: method.node,
            symbol: `${shape.name}.${method.name}`,
            message: `${shape.name}.${method.name} ${what} (base: ${base})`,
          };
      }
    }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "class Bird { fly() { return up(); } }\nclass Penguin extends Bird { fly() { throw new Error('not supported'); } }",
      },
      {
        language: 'typescript',
        code: 'class File { write(x) { disk(x); } }\nclass ReadOnly extends File { write(x) {} }',
      },
      {
        language: 'javascript',
        code: 'class A { go(a) { return a; } }\nclass B extends A { go(a, b, c) { return a + b + c; } }',
      },
      {
        language: 'python',
        code: 'class Shape:\n    def area(self):\n        return 1\n\nclass Line(Shape):\n    def area(self):\n        raise NotImplementedError("no area")\n',
      },
    ],
    good: [
      {
        language: 'typescript',
        code: 'abstract class Shape { abstract area(): number; }\nclass Square extends Shape { area() { return 4; } }',
      },
      {
        language: 'typescript',
        code: 'class A { go(a) { return a; } }\nclass B extends A { go(a, b = 1) { return super.go(a) + b; } }',
      },
      {
        language: 'python',
        code: 'from abc import ABC\n\nclass Shape(ABC):\n    def area(self):\n        raise NotImplementedError\n\nclass Square(Shape):\n    def area(self):\n        return 4\n',
      },
      {
        language: 'javascript',
        code: "class Queue { push(x) { if (!x) throw new Error('cannot push nothing'); this.q.push(x); } }",
      },
    ],
  },
};

function baseOf({ tree }: CodeFile, node: number): string {
  const heritage = tree.childOfType(node, 'class_heritage');
  if (heritage >= 0) {
    const match = /extends\s+([\w.]+)/.exec(tree.text(heritage)) ?? /^extends\s+([\w.]+)/.exec(tree.text(heritage));
    return match?.[1] ?? '';
  }
  const supers = tree.child(node, 'superclasses');
  const first = supers < 0 ? -1 : tree.firstNamed(supers);
  return first < 0 || tree.type(first) === 'keyword_argument' ? '' : tree.text(first);
}

const isAbstract = ({ tree }: CodeFile, node: number) => tree.type(node) === 'abstract_class_declaration';

function bodyOf({ tree }: CodeFile, method: number): string {
  const body = tree.child(method, 'body');
  return body < 0 ? '' : tree.source.slice(tree.start(body), Math.min(tree.end(body), tree.start(body) + 2_000));
}

/** The body without braces, comments and docstring. */
const inner = (body: string) =>
  body
    .replace(/^\{|\}$/g, '')
    .replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|^\s*#[^\n]*/gm, '')
    .replace(/^\s*(?:"""[\s\S]*?"""|'''[\s\S]*?''')/, '')
    .trim();

const isEmpty = (body: string) => /^(?:pass|\.\.\.)?$/.test(inner(body));
const givesNothing = (body: string) => /^return(?:\s+(?:undefined|null|None))?;?$/.test(inner(body));
const onlyThrows = (body: string) => /^(?:throw|raise)\b[^;\n]*;?$/.test(inner(body));

/** Parameters without a default. */
function required({ tree }: CodeFile, method: number): number {
  const list = tree.child(method, 'parameters');
  if (list < 0) return 0;
  let count = 0;
  for (const parameter of tree.namedChildren(list)) {
    const type = tree.type(parameter);
    const optional =
      /optional|default|assignment|rest|splat|separator/.test(type) ||
      tree.child(parameter, 'value') >= 0 ||
      tree.text(parameter).startsWith('...');
    if (!optional && !/^(?:self|cls|this)\b/.test(tree.text(parameter))) count++;
  }
  return count;
}
