import { classesOf, type ClassShape } from '../engine/cohesion';
import { callsOf } from '../engine/code-queries';
import type { CodeRule } from './rule';

/** Worlds a class may reach into, by what it calls. */
const CONCERNS: readonly [name: string, pattern: RegExp][] = [
  [
    'database',
    /(?:^|\.)(?:db|database|pool|repository|repo|cursor|connection|conn|prisma|knex)\.\w+$|\.(?:query|findMany|executemany)$/i,
  ],
  [
    'network',
    /^(?:fetch|axios(?:\.\w+)?|got(?:\.\w+)?|requests\.\w+|httpx\.\w+|https?\.(?:get|request))$|\.http\w*\.\w+$/i,
  ],
  [
    'files',
    /^(?:fs|fsp|fs\.promises|os|shutil|pathlib)\.\w+$|(?:^|\.)(?:readFile|writeFile|readFileSync|writeFileSync)$|^open$/,
  ],
  [
    'mail and messages',
    /(?:mailer|smtp|transporter|twilio|slack|sendgrid|notifier)\.\w+$|\.(?:sendMail|send_mail|sendSms|send_email)$/i,
  ],
  ['rendering', /(?:^|\.)(?:render|renderToString|innerHTML|createElement|template|toHtml|to_html)$/i],
  ['printing', /(?:printer|pdf|canvas)\.\w+$/i],
];

/** One reason to change. */
export const singleResponsibility: CodeRule = {
  id: 'solid/single-responsibility',
  family: 'solid',
  target: 'code',
  title: 'A class with more than one responsibility',
  level: 'warning',
  confidence: 'medium',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    'Evidence is one of two things: groups of methods that share no field and do not call one another (LCOM4), or methods that reach into three or more different worlds (database, network, files, mail, rendering). Such a class changes for reasons that have nothing to do with each other; give each its own. A heuristic: a facade may be meant that way.',
  cwe: [1093],
  *check(file) {
    const { tree, language } = file;
    for (const shape of classesOf(tree, language)) {
      const groups = separateGroups(shape);
      if (groups.length >= 2) {
        yield {
          node: shape.node,
          symbol: shape.name,
          message: `${shape.name} falls apart into ${groups.length} groups that share nothing: ${groups.map((group) => group.slice(0, 4).join(', ')).join(' | ')}`,
        };
        continue;
      }
      const found = CONCERNS.filter(([, pattern]) =>
        callsOf(file).some(
          ({ node, callee }) =>
            node >= shape.node && node < tree.next(shape.node) && pattern.test(callee.replace(/^(?:this|self)\./, '')),
        ),
      );
      if (found.length >= 3)
        yield {
          node: shape.node,
          symbol: shape.name,
          message: `${shape.name} reaches into ${found.map(([name]) => name).join(', ')}`,
        };
    }
  },
  examples: {
    bad: [
      {
        language: 'typescript',
        code: 'class Report { rows = []; printer = null; add(r) { this.rows.push(r); } total() { return this.rows.length; } connect() { this.printer = open(); } print() { this.printer.go(); } }',
      },
      {
        language: 'typescript',
        code: "class User { async save() { await this.db.query('x'); } async notify() { await this.mailer.sendMail({}); await this.save(); } async avatar() { const r = await fetch('x'); await this.notify(); } }",
      },
      {
        language: 'python',
        code: 'class Order:\n    def __init__(self):\n        self.items = []\n        self.log = []\n    def add(self, i):\n        self.items.append(i)\n    def total(self):\n        return sum(self.items)\n    def write(self, m):\n        self.log.append(m)\n    def dump(self):\n        return "".join(self.log)\n',
      },
      {
        language: 'javascript',
        code: "class Sync { run() { this.db.query('a'); fs.writeFileSync('b', 'c'); fetch('d'); } }",
      },
    ],
    good: [
      {
        language: 'typescript',
        code: 'class Stack { items = []; push(x) { this.items.push(x); } pop() { return this.items.pop(); } peek() { return this.items.at(-1); } get size() { return this.items.length; } }',
      },
      {
        language: 'typescript',
        code: 'class Users { constructor(private db) {} find(id) { return this.db.query(id); } save(u) { return this.db.query(u); } }',
      },
      {
        language: 'python',
        code: 'class Counter:\n    def __init__(self):\n        self.n = 0\n    def up(self):\n        self.n += 1\n    def down(self):\n        self.n -= 1\n',
      },
      { language: 'typescript', code: 'class Maths { add(a, b) { return a + b; } mul(a, b) { return a * b; } }' },
    ],
  },
};

/** Groups of at least two methods that use fields; helpers that use nothing of the object prove nothing. */
function separateGroups({ groups, methods }: ClassShape): string[][] {
  const using = new Set(methods.filter(({ uses }) => uses.length > 0).map(({ name }) => name));
  return groups.map((group) => group.filter((name) => using.has(name))).filter((group) => group.length >= 2);
}
