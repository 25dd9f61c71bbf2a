import { callsOf, isBuiltText, initialValue, bare } from '../engine/code-queries';
import type { CodeRule } from './rule';

const METHOD =
  /\.(?:query|execute|executemany|executescript|raw|rawQuery|\$queryRawUnsafe|\$executeRawUnsafe|run|all|get|prepare|exec|unsafe|text)$/;
const SQL =
  /\b(?:select\b[\s\S]{1,400}\bfrom|insert\s+into|update\b[\s\S]{1,200}\bset|delete\s+from|drop\s+(?:table|database|index)|create\s+(?:table|user|index)|alter\s+table|union\s+select|where\b[\s\S]{1,200}=)\b/i;

/** A statement must not hold values; they travel beside it. */
export const sqlInjection: CodeRule = {
  id: 'security/sql-injection',
  family: 'security',
  target: 'code',
  title: 'A SQL statement is put together from parts',
  level: 'error',
  confidence: 'high',
  languages: ['javascript', 'typescript', 'tsx', 'python'],
  explanation:
    "A value inside the statement's text can end it and start another. Use placeholders ($1, ?, %s) and pass the values as parameters; choose names of tables and columns from a fixed list.",
  cwe: [89],
  owasp: ['A03', 'MCP05'],
  *check(file) {
    const { tree } = file;
    for (const { node, callee, args } of callsOf(file)) {
      const [first] = args;
      if (first === undefined || !METHOD.test(callee)) continue;
      const at = bare(tree, first);
      const value = tree.type(at) === 'identifier' ? initialValue(file, at) : at;
      if (value < 0 || !SQL.test(tree.text(value)) || !isBuiltText(file, value) || isOnlyUpperCase(tree.text(value)))
        continue;
      yield { node, message: `${callee} gets a statement with values inside its text` };
    }
  },
  examples: {
    bad: [
      { language: 'javascript', code: 'const f = (db, id) => db.query(`SELECT * FROM users WHERE id = ${id}`);' },
      {
        language: 'typescript',
        code: 'async function f(db: Db, name: string) { const sql = "DELETE FROM t WHERE name = \'" + name + "\'"; await db.execute(sql); }',
      },
      {
        language: 'python',
        code: 'def f(cursor, name):\n    cursor.execute(f"SELECT * FROM users WHERE name = \'{name}\'")\n',
      },
      {
        language: 'python',
        code: 'def f(cursor, name):\n    cursor.execute("SELECT * FROM users WHERE name = \'%s\'" % name)\n',
      },
    ],
    good: [
      { language: 'javascript', code: "const f = (db, id) => db.query('SELECT * FROM users WHERE id = $1', [id]);" },
      { language: 'typescript', code: 'const f = (db: Db) => db.query(`SELECT * FROM ${TABLE} WHERE id = $1`, [1]);' },
      {
        language: 'python',
        code: 'def f(cursor, name):\n    cursor.execute("SELECT * FROM users WHERE name = %s", (name,))\n',
      },
    ],
  },
};

/** Only constants (by their name) are put in: a list of columns, a table. */
function isOnlyUpperCase(text: string): boolean {
  const parts = [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, part]) => part ?? '');
  return parts.length > 0 && parts.every((part) => /^[A-Z][A-Z0-9_]*$/.test(part.trim()));
}
