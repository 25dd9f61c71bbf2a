import { callsOf } from '../engine/code-queries';
import type { CodeFile } from '../engine/code-file';
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
    'Evidence: a constructor or a field creates a concrete service, repository or client. The class cannot be tested or used with another one. Take it as a parameter, typed by what is needed of it; create it where the program is put together.',
  cwe: [1048],
  *check(file) {
    const { tree, path, language } = file;
    if (ROOT.test(path)) return;
    for (const { node, callee } of callsOf(file)) {
      const made = callee.slice(callee.lastIndexOf('.') + 1);
      const isNew = language === 'python' ? /^[A-Z]/.test(made) : tree.type(node) === 'new_expression';
      if (!isNew || !SERVICE.test(made)) continue;
      const owner = ownerOf(file, node);
      if (owner === '' || FACTORY.test(owner)) continue;
      yield { node, symbol: owner, message: `${owner} makes its own ${made}` };
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

/** The class whose constructor or field holds the node, '' for any other place. */
function ownerOf({ tree, units }: CodeFile, node: number): string {
  const unit = units.list[units.scope[node] ?? -1];
  if (!unit) return '';
  const [owner = '', member = ''] = unit.name.split('.');
  const isConstructor = unit.kind !== 'field' && (member === 'constructor' || member === '__init__');
  return isConstructor ||
    (unit.kind === 'field' &&
      unit.name.includes('.') &&
      node <= unit.node + 1 &&
      tree.type(unit.node) === 'new_expression')
    ? owner
    : '';
}
