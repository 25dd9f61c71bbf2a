import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError, type Fault, type Ruleset } from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { CustomRule } from '../engine/custom-rules';
import { Engine } from '../engine/engine';

const LANGUAGES: Record<string, CustomRule['language']> = {
  javascript: 'javascript',
  js: 'javascript',
  typescript: 'typescript',
  ts: 'typescript',
  tsx: 'tsx',
  python: 'python',
  py: 'python',
  go: 'go',
  java: 'java',
  csharp: 'csharp',
  'c#': 'csharp',
  cs: 'csharp',
  rust: 'rust',
  rs: 'rust',
  php: 'php',
  ruby: 'ruby',
  rb: 'ruby',
  cpp: 'cpp',
  'c++': 'cpp',
  bash: 'bash',
  sh: 'bash',
};
const LEVELS: Record<string, CustomRule['level']> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
  hint: 'note',
  note: 'note',
};

/** One document of an ast-grep rule file. */
const RuleDocument = z.looseObject({
  id: z.string().regex(/^[\w./-]{1,100}$/, 'letters, digits and . _ / -, at most 100'),
  language: z
    .string()
    .refine(
      (name) => Object.hasOwn(LANGUAGES, name.toLowerCase()),
      'one of JavaScript, TypeScript, Tsx, Python, Go, Java, CSharp, Rust, Php, Ruby, Cpp, Bash',
    ),
  message: z.string().min(1).max(1_000),
  severity: z
    .string()
    .default('warning')
    .refine((name) => name in LEVELS, 'one of error, warning, info, hint'),
  rule: z.record(z.string(), z.unknown()),
  constraints: z.record(z.string(), z.unknown()).optional(),
});

const MAX_RULES = 200;
const CHECK_TIMEOUT_MS = 5_000;

interface Row {
  name: string;
  yaml: string;
  rules: CustomRule[];
  updated_at: Date;
}

/** Custom rules under a name. A rule that cannot be run is refused when it is saved, not when it is needed. */
@Injectable()
export class RulesetsService {
  constructor(
    private readonly database: DataSource,
    private readonly engine: Engine,
  ) {}

  /**
   * @param ifMatch the `version` that is to be replaced
   * @throws AppError `invalid_request` with a fault per document, `precondition_failed`
   */
  async put({
    name,
    yaml,
    ifMatch,
  }: Pick<Ruleset, 'name' | 'yaml'> & { ifMatch?: string | undefined }): Promise<Ruleset> {
    const rules = readRules(yaml);
    const faults: Fault[] = [];
    for (const [at, rule] of rules.entries()) {
      const { fault } = await this.engine
        .run('checkRule', { rule }, { timeoutMs: CHECK_TIMEOUT_MS })
        .catch((error: unknown) => ({ fault: (error as Error).message }));
      if (fault !== '') faults.push({ pointer: `/${at}/rule`, detail: fault });
    }
    if (faults.length > 0)
      throw new AppError('invalid_request', `${faults.length} of the rules cannot be run: ${faults[0]?.detail}`, {
        errors: faults,
      });
    return this.database.transaction(async (db) => {
      await expectVersion(name, ifMatch, db);
      const [row]: Row[] = await db.query(
        `INSERT INTO analyzer.ruleset (name, yaml, rules) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET yaml = EXCLUDED.yaml, rules = EXCLUDED.rules, updated_at = now() RETURNING *`,
        [name, yaml, JSON.stringify(rules)],
      );
      return toRuleset(row as Row);
    });
  }

  async list(): Promise<Ruleset[]> {
    const rows: Row[] = await this.database.query(`SELECT * FROM analyzer.ruleset ORDER BY name LIMIT 1000`);
    return rows.map(toRuleset);
  }

  /** @throws AppError `not_found` */
  async get(name: string): Promise<Ruleset> {
    return toRuleset(await this.row(name));
  }

  async rulesOf(name: string): Promise<CustomRule[]> {
    return (await this.row(name)).rules;
  }

  async remove(name: string, ifMatch?: string): Promise<void> {
    await this.row(name);
    await this.database.transaction(async (db) => {
      await expectVersion(name, ifMatch, db);
      await db.query(`DELETE FROM analyzer.ruleset WHERE name = $1`, [name]);
    });
  }

  private async row(name: string): Promise<Row> {
    const [row]: Row[] = await this.database.query(`SELECT * FROM analyzer.ruleset WHERE name = $1`, [name]);
    if (!row) throw new AppError('not_found', `There is no ruleset "${name}"`);
    return row;
  }
}

/** Holds the row until the transaction ends. @throws AppError `precondition_failed` */
async function expectVersion(name: string, version: string | undefined, db: EntityManager): Promise<void> {
  if (version === undefined) return;
  const [row]: Row[] = await db.query(`SELECT * FROM analyzer.ruleset WHERE name = $1 FOR UPDATE`, [name]);
  if (!row || versionOf(row) !== version)
    throw new AppError('precondition_failed', `The ruleset "${name}" is not what it was`, { hint: 'Read it again' });
}

function versionOf({ yaml }: Row): string {
  return createHash('sha256').update(yaml).digest('base64url').slice(0, 22);
}

function readRules(yaml: string): CustomRule[] {
  const documents = parseAllDocuments(yaml, { maxAliasCount: 20 } as never);
  if (documents.length > MAX_RULES) throw new AppError('limit_exceeded', `A ruleset has at most ${MAX_RULES} rules`);
  const faults: Fault[] = [];
  const rules: CustomRule[] = [];
  for (const [at, document] of documents.entries()) {
    const [broken] = document.errors;
    if (broken) {
      faults.push({ pointer: `/${at}`, detail: broken.message.split('\n', 1)[0] ?? '' });
      continue;
    }
    const parsed = RuleDocument.safeParse(document.toJS({ maxAliasCount: 20 }));
    if (!parsed.success) {
      faults.push(
        ...parsed.error.issues.map(({ path, message }) => ({
          pointer: `/${[at, ...path].join('/')}`,
          detail: message,
        })),
      );
      continue;
    }
    const { id, language, message, severity, rule, constraints } = parsed.data;
    rules.push({
      id: `custom/${id}`,
      language: LANGUAGES[language.toLowerCase()] ?? 'javascript',
      message,
      level: LEVELS[severity] ?? 'warning',
      rule,
      constraints,
    });
  }
  if (faults.length > 0)
    throw new AppError('invalid_request', `${faults[0]?.pointer}: ${faults[0]?.detail}`, { errors: faults });
  if (rules.length === 0) throw new AppError('invalid_request', 'The document holds no rule');
  return rules;
}

const toRuleset = (row: Row): Ruleset => ({
  name: row.name,
  yaml: row.yaml,
  rules: row.rules.map(({ id, language, level, message }) => ({ id, language, level, message })),
  version: versionOf(row),
  updatedAt: row.updated_at.toISOString(),
});
