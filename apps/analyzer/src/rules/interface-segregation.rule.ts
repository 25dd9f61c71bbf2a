import { classesOf } from '../engine/cohesion';
import type { CodeFile } from '../engine/code-file';
import type { CodeRule } from './rule';

const STUB =
  /^\{\s*(?:\/\/[^\n]*\s*)?(?:\}|throw new \w*Error\([^)]*\);?\s*\}|return(?:\s+(?:undefined|null))?;?\s*\})$/;
const PYTHON_STUB =
  /^(?:"""[^"]*"""\s*)?(?:pass|\.\.\.|return(?:\s+None)?|raise (?:NotImplementedError|UnsupportedOperation|NotSupportedError)\b[^\n]*)$/;
const WIDE = 15;

/** Nobody is made to depend on what they do not use. */
export const interfaceSegregation: CodeRule = {
  id: 'solid/interface-segregation',
  family: 'solid',
  target: 'code',
  title: 'An interface asks for more than its users need',
  level: 'warning',
  confidence: 'medium',
  languages: ['typescript', 'tsx', 'python'],
  explanation:
    'Evidence: a class fills two or more (and a quarter) of the methods of the interface or base it implements with nothing, or with an error; or an interface has 15 methods or more. Split the interface by who uses it.',
  cwe: [1093],
  *check(file) {
    const { tree } = file;
    for (const shape of classesOf(tree, file.language)) {
      const implemented = implementedBy(file, shape.node);
      if (implemented === undefined) continue;
      const methods = shape.methods.filter(({ isConstructor, isStatic }) => !isConstructor && !isStatic);
      const stubs = methods.filter(({ node }) => isStub(file, node));
      if (
        stubs.length >= 2 &&
        stubs.length * 4 >= methods.length &&
        stubs.length < methods.length + 1 &&
        methods.length > 2
      )
        yield {
          node: shape.node,
          symbol: shape.name,
          message: `${shape.name} fills ${stubs.length} of ${methods.length} methods of ${implemented} with nothing: ${stubs.map(({ name }) => name).join(', ')}`,
        };
    }
    for (const node of tree.ofType(new Set(['interface_declaration']))) {
      const body = tree.child(node, 'body');
      const methods = body < 0 ? [] : [...tree.namedChildren(body)].filter((member) => isMethodSignature(file, member));
      if (methods.length >= WIDE)
        yield { node, message: `${tree.text(tree.child(node, 'name'))} has ${methods.length} methods` };
    }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: "interface Machine { print(): void; scan(): void; fax(): void; }\nclass Printer implements Machine { print() { go(); } scan() { throw new Error('no scanner'); } fax() {} }",
      },
      {
        language: 'typescript',
        code: 'class Robot implements Worker { work() { run(); } eat() {} sleep() { return; } }',
      },
      {
        language: 'typescript',
        code: `interface Everything { ${Array.from({ length: 16 }, (_, i) => `m${i}(): void;`).join(' ')} }`,
      },
    ],
    good: [
      {
        language: 'typescript',
        code: 'interface Printer { print(): void; }\nclass Laser implements Printer { print() { go(); } }',
      },
      {
        language: 'typescript',
        code: 'class Empty implements Listener { start() { a(); } stop() { b(); } pause() { c(); } noop() {} }',
      },
      { language: 'typescript', code: 'class Plain { a() {} b() {} c() {} }' },
    ],
  },
};

/** What a class implements by its head; an abstract base of Python only fills itself. */
function implementedBy({ tree, language }: CodeFile, node: number): string | undefined {
  if (language !== 'python') {
    const heritage = tree.childOfType(node, 'class_heritage');
    return heritage < 0 ? undefined : /implements\s+([\w.]+)/.exec(tree.text(heritage))?.[1];
  }
  const bases = tree.child(node, 'superclasses');
  if (bases < 0) return undefined;
  const names = [...tree.namedChildren(bases)].map((base) => tree.text(base));
  return names.some((name) => /\b(?:ABC|ABCMeta|Protocol|TestCase|Exception|Error)\b/.test(name))
    ? undefined
    : names[0];
}

/** `m(): void`, or `m: () => void`, which asks for the same. */
function isMethodSignature({ tree }: CodeFile, member: number): boolean {
  if (tree.type(member) === 'method_signature') return true;
  const type = tree.type(member) === 'property_signature' ? tree.child(member, 'type') : -1;
  return type >= 0 && tree.childOfType(type, 'function_type') >= 0;
}

function isStub({ tree, language }: CodeFile, method: number): boolean {
  const body = tree.child(method, 'body');
  if (body < 0 || tree.end(body) - tree.start(body) >= 300) return false;
  return (language === 'python' ? PYTHON_STUB : STUB).test(tree.text(body).trim());
}
