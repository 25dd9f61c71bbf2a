import { callsOf } from '../engine/code-queries';
import type { CodeFile } from '../engine/code-file';
import type { SyntaxTree } from '../engine/syntax-tree';
import type { CodeRule } from './rule';

const SERVICE =
  /(?:Service|Repository|Client|Gateway|Mailer|Database|Db|Store|Provider|Adapter|Dao|Connection|Logger|Api|Manager|Sender|Publisher|Notifier)$/;
/** Where things are put together on purpose. */
const ROOT =
  /(?:^|\/)(?:main|index|app|server|bootstrap|container|composition|factory|setup)\.|\.(?:module|factory|spec|test|config)\.|(?:^|\/)(?:tests?|__tests__)\//;
const FACTORY = /(?:Factory|Builder|Module|Container|Injector|Bootstrap|App|Application)$/;

/** Depend on what is passed in, not on what one makes oneself. */
export const dependencyInversion: CodeRule = {
  id: 'solid/dependency-inversion',
  family: 'solid',
  target: 'code',
  title: 'A class makes the service it depends on',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'Evidence: a constructor, a field or a method creates a concrete service, repository or client (a default value of a parameter does not count, as callers can give another). The class cannot be tested or used with another one. Take it as a parameter, typed by what is needed of it; create it where the program is put together.',
  cwe: [1048],
  *check(file) {
    const { tree, path, language } = file;
    if (ROOT.test(path)) return;
    for (const { node, callee } of callsOf(file)) {
      const made = callee.slice(callee.lastIndexOf('.') + 1);
      const isNew = language === 'python' ? /^[A-Z]/.test(made) : tree.type(node) === 'new_expression';
      if (!isNew || !SERVICE.test(made)) continue;
      const { owner, isMember } = ownerOf(file, node);
      if (owner === '' || FACTORY.test(owner)) continue;
      yield {
        node,
        symbol: owner,
        message: `${owner} makes its own ${made}`,
        ...(isMember ? {} : { confidence: 'low' as const }),
      };
    }
  },
  examples: {
    bad: [
      { language: 'typescript', code: 'class Orders { constructor() { this.mail = new SmtpMailer(); } }' },
      { language: 'typescript', code: 'class Orders { private readonly users = new UserRepository(); }' },
      { language: 'javascript', code: 'class Sync { constructor(url) { this.client = new HttpClient(url); } }' },
      {
        language: 'python',
        code: 'class Orders:\n    def __init__(self):\n        self.repository = OrderRepository()\n',
      },
    ],
    good: [
      { language: 'typescript', code: 'class Orders { constructor(private readonly mailer: Mailer) {} }' },
      { language: 'typescript', code: 'class Orders { items = new Map(); started = new Date(); }' },
      {
        language: 'typescript',
        code: 'class OrdersFactory { constructor() { this.orders = new OrderRepository(); } }',
      },
      {
        language: 'python',
        code: 'class Orders:\n    def __init__(self, repository):\n        self.repository = repository\n',
      },
      {
        language: 'typescript',
        code: 'const orders = new OrderRepository();\nfunction f() { return new HttpClient(); }',
      },
    ],
  },
};

/** The class that holds the node in its constructor or a field, or (`isMember` false) in a method; '' for any other place. */
function ownerOf(file: CodeFile, node: number): { owner: string; isMember: boolean } {
  const { tree, language } = file;
  for (let at = tree.parent(node); at >= 0; at = tree.parent(at)) {
    const type = tree.type(at);
    if (/parameters$|^(?:required|optional|default)_parameter$|^assignment_pattern$/.test(type)) break;
    if (!/^(?:class_body|block)$/.test(type)) continue;
    const holder = tree.parent(at);
    if (!/^(?:class|class_declaration|abstract_class_declaration|class_definition)$/.test(tree.type(holder))) continue;
    const member = memberOf(tree, node, at);
    const method = tree.type(member) === 'decorated_definition' ? tree.child(member, 'definition') : member;
    const name = tree.child(method, 'name') >= 0 ? tree.text(tree.child(method, 'name')) : '';
    const owner = tree.child(holder, 'name') >= 0 ? tree.text(tree.child(holder, 'name')) : '(anonymous)';
    const isMethod = /method_definition|function_definition/.test(tree.type(method));
    const isMember = !isMethod || name === 'constructor' || name === '__init__';
    const head = tree.source.slice(tree.start(member), tree.start(member) + 60);
    const isFactory =
      /^(?:create|make|build|from|open|connect|get|provide)/.test(name) ||
      /\bstatic\b|@staticmethod|@classmethod/.test(head);
    return isMethod && !isMember && isFactory
      ? NO_OWNER
      : { owner: language === 'python' && !isMethod ? '' : owner, isMember };
  }
  return NO_OWNER;
}

const NO_OWNER = { owner: '', isMember: false };

/** The child of a class body in which a node stands. */
function memberOf(tree: SyntaxTree, node: number, body: number): number {
  let at = node;
  while (tree.parent(at) !== body) at = tree.parent(at);
  return at;
}
