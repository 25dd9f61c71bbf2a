import { GRAMMARS, isEcmaScript, type LanguageId } from './languages';
import type { SyntaxTree } from './syntax-tree';

/** A class and how its methods hang together. */
export interface ClassShape {
  node: number;
  name: string;
  methods: MethodShape[];
  /** Names of the fields that methods use. */
  fields: string[];
  /**
   * LCOM4 (Hitz and Montazeri): groups of methods that share a field or call one another. 1 is a class of one piece;
   * constructors, static methods and methods without a body do not count.
   */
  lcom4: number;
  groups: string[][];
}

export interface MethodShape {
  node: number;
  name: string;
  isConstructor: boolean;
  isStatic: boolean;
  /** Names of fields and methods of the same object that the body mentions. */
  uses: string[];
}

const CLASS_BODIES = new Set(['class_body', 'block', 'declaration_list', 'enum_body']);
const METHOD_TYPES = new Set([
  'method_definition',
  'function_definition',
  'method_declaration',
  'constructor_declaration',
]);
const CONSTRUCTORS = new Set(['constructor', '__init__', '__new__', '__construct', 'initialize']);

/** The classes of a TypeScript, JavaScript, Python, Java, C# or PHP file. */
export function classesOf(tree: SyntaxTree, language: LanguageId): ClassShape[] {
  const types = new Set(GRAMMARS[language].classes);
  const shapes: ClassShape[] = [];
  for (const node of tree.ofType(types)) {
    if (!tree.isNamed(node)) continue;
    const body = tree.child(node, 'body');
    if (body >= 0 && CLASS_BODIES.has(tree.type(body))) shapes.push(shapeOf(tree, language, node, body));
  }
  return shapes;
}

function shapeOf(tree: SyntaxTree, language: LanguageId, node: number, body: number): ClassShape {
  const name = tree.child(node, 'name');
  const methods: MethodShape[] = [];
  const declared = new Set<string>();
  for (const member of tree.namedChildren(body)) {
    const method = tree.type(member) === 'decorated_definition' ? tree.child(member, 'definition') : member;
    if (isMethod(tree, method)) methods.push(methodOf(tree, language, method, member));
    else if (isFunctionField(tree, member)) methods.push(methodOf(tree, language, member, member));
    else for (const field of fieldNames(tree, member)) declared.add(field);
  }
  const methodNames = new Set(methods.map((method) => method.name));
  if (!isEcmaScript(language) && language !== 'python' && language !== 'php')
    for (const method of methods) addBareNames(tree, method, new Set([...declared, ...methodNames]));
  const groups = groupsOf(methods, methodNames);
  const fields = [...new Set(methods.flatMap(({ uses }) => uses).filter((used) => !methodNames.has(used)))];
  return {
    node,
    name: name < 0 ? '(anonymous)' : tree.text(name),
    methods,
    fields: fields.sort(),
    lcom4: groups.length,
    groups,
  };
}

function isMethod(tree: SyntaxTree, node: number): boolean {
  return METHOD_TYPES.has(tree.type(node)) && tree.child(node, 'body') >= 0;
}

/** A field that holds an arrow function is a method in all but name. */
function isFunctionField(tree: SyntaxTree, node: number): boolean {
  const value = tree.child(node, 'value');
  return value >= 0 && (tree.type(value) === 'arrow_function' || tree.type(value) === 'function_expression');
}

function methodOf(tree: SyntaxTree, language: LanguageId, node: number, member: number): MethodShape {
  const nameNode = tree.child(node, 'name') >= 0 ? tree.child(node, 'name') : tree.child(node, 'property');
  const name = nameNode < 0 ? '' : tree.text(nameNode);
  const head = tree.source.slice(tree.start(member), nameNode < 0 ? tree.start(node) : tree.start(nameNode));
  return {
    node,
    name,
    isConstructor: CONSTRUCTORS.has(name) || tree.type(node) === 'constructor_declaration',
    isStatic: /\bstatic\b|@staticmethod|@classmethod/.test(head),
    uses: [...selfMembers(tree, language, node)],
  };
}

/** Names after `this.`, `self.` or `$this->` anywhere in the method. */
function selfMembers(tree: SyntaxTree, language: LanguageId, node: number): Set<string> {
  const used = new Set<string>();
  const self = language === 'python' ? firstParameter(tree, node) : language === 'php' ? '$this' : 'this';
  const end = tree.next(node);
  for (let at = node; at < end; at++) {
    if (!tree.isNamed(at)) continue;
    const object = tree.child(at, 'object');
    const subject = object >= 0 ? object : tree.child(at, 'expression');
    if (subject < 0 || tree.text(subject) !== self) continue;
    for (const field of ['property', 'attribute', 'field', 'name']) {
      const member = tree.child(at, field);
      if (member >= 0) used.add(tree.text(member));
    }
  }
  return used;
}

function firstParameter(tree: SyntaxTree, node: number): string {
  const parameters = tree.child(node, 'parameters');
  const first = parameters < 0 ? -1 : tree.firstNamed(parameters);
  return first < 0 ? 'self' : tree.text(first);
}

/** Java and C# may leave `this.` out: a bare name of a declared member is a use of it. */
function addBareNames(tree: SyntaxTree, method: MethodShape, members: ReadonlySet<string>): void {
  const uses = new Set(method.uses);
  const end = tree.next(method.node);
  for (let at = method.node; at < end; at++)
    if (tree.type(at) === 'identifier' && tree.isLeaf(at) && tree.field(at) !== 'name') {
      const text = tree.text(at);
      if (members.has(text) && text !== method.name) uses.add(text);
    } else if (tree.type(at) === 'method_invocation' && tree.child(at, 'object') < 0) {
      const name = tree.child(at, 'name');
      if (name >= 0 && members.has(tree.text(name))) uses.add(tree.text(name));
    }
  method.uses = [...uses];
}

function fieldNames(tree: SyntaxTree, member: number): string[] {
  const names: string[] = [];
  const end = tree.next(member);
  for (let at = member; at < end; at++)
    if (tree.field(at) === 'name' && (tree.type(at) === 'identifier' || tree.type(at) === 'property_identifier'))
      names.push(tree.text(at));
  return names;
}

function groupsOf(methods: readonly MethodShape[], methodNames: ReadonlySet<string>): string[][] {
  const counted = methods.filter(({ isConstructor, isStatic }) => !isConstructor && !isStatic);
  const leader = new Map<string, string>();
  const find = (key: string): string => {
    let at = key;
    while (leader.get(at) !== undefined && leader.get(at) !== at) at = leader.get(at) ?? at;
    leader.set(key, at);
    return at;
  };
  for (const { name, uses } of counted) {
    const own = `m:${name}`;
    for (const used of uses) leader.set(find(`${methodNames.has(used) ? 'm' : 'f'}:${used}`), find(own));
  }
  const groups = new Map<string, string[]>();
  for (const { name } of counted) {
    const group = groups.get(find(`m:${name}`)) ?? [];
    if (!group.includes(name)) group.push(name);
    groups.set(find(`m:${name}`), group);
  }
  return [...groups.values()];
}
