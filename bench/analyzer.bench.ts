import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { dirname, join } from 'node:path';
import { openTestDatabase } from '@mcp-router/platform/testing';
import { AnalysisOptions } from '@mcp-router/shared';
import { Linter } from 'eslint';
import sonarjs from 'eslint-plugin-sonarjs';
import { AnalysesStore } from '../apps/analyzer/src/analyses/analyses.store';
import { AnalysisRunner } from '../apps/analyzer/src/analyses/runner';
import { UploadsStore } from '../apps/analyzer/src/analyses/uploads.store';
import type { AnalyzerEnv } from '../apps/analyzer/src/config';
import { analyseFile, type FileResult } from '../apps/analyzer/src/engine/analyse-file';
import { analyseProject } from '../apps/analyzer/src/engine/analyse-project';
import { complexitiesOf } from '../apps/analyzer/src/engine/complexity';
import type { Engine } from '../apps/analyzer/src/engine/engine';
import { corpus, type CorpusFile } from '../apps/analyzer/src/engine/oracles/corpus';
import { parse } from '../apps/analyzer/src/engine/parser';
import { EnginePool } from '../apps/analyzer/src/engine/pool';
import { unitsOf } from '../apps/analyzer/src/engine/units';
import { FindingsStore } from '../apps/analyzer/src/findings/findings.store';
import { MIGRATIONS } from '../apps/analyzer/src/migrations';
import { RulesetsService } from '../apps/analyzer/src/rulesets/rulesets.service';

const ROUNDS = 3;
const PACKAGES = [
  'express',
  'fastify',
  'eslint/lib',
  'undici/lib',
  'typeorm/driver',
  'typeorm/metadata',
  'typeorm/query-builder',
  'yaml/dist',
];

const files = [...corpus(PACKAGES)].filter(
  ({ path, language }) => language === 'javascript' && !path.endsWith('.d.ts'),
);
const lines = files.reduce((sum, { source }) => sum + source.split('\n').length, 0);
const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
const ms = async (work: () => unknown) => {
  const started = performance.now();
  await work();
  return performance.now() - started;
};

/** The same two rules, set up once. */
function eslint(): (file: CorpusFile) => void {
  const linter = new Linter();
  const config = (['module', 'commonjs'] as const).map((sourceType) => [
    {
      files: ['**/*'],
      plugins: { sonarjs: sonarjs as never },
      rules: { complexity: ['error', { max: 0 }], 'sonarjs/cognitive-complexity': ['error', 0] } as never,
      linterOptions: { noInlineConfig: true },
      languageOptions: { ecmaVersion: 'latest' as const, sourceType },
    },
  ]);
  return ({ source }) => {
    const isModule = /^\s*(?:import|export)\b/m.test(source);
    linter.verify(source, config[isModule ? 0 : 1] ?? [], { filename: 'x.js' });
  };
}

async function complexities({ source, language }: CorpusFile): Promise<void> {
  const tree = await parse(source, language);
  complexitiesOf(tree, language, unitsOf(tree, language));
}

async function main(): Promise<void> {
  const rows: Record<string, unknown>[] = [];
  const lint = eslint();
  const ours: number[] = [];
  const theirs: number[] = [];
  for (const file of files.slice(0, 100)) {
    lint(file);
    await complexities(file);
  }
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await ms(() => files.forEach(lint)));
    ours.push(
      await ms(async () => {
        for (const file of files) await complexities(file);
      }),
    );
  }
  rows.push({
    what: `both complexities, ${files.length} files, ${lines} lines`,
    'ours ms': Math.round(median(ours)),
    'ESLint + sonarjs ms': Math.round(median(theirs)),
    ratio: (median(theirs) / median(ours)).toFixed(1),
    asked: '5',
  });

  const results: FileResult[] = [];
  const everything = await ms(async () => {
    for (const { path, language, source } of files) results.push(await analyseFile(path, language, source));
    analyseProject(
      results.map(({ path, language, modules, tokens }) => ({ path, language, ...modules, tokens })),
      dirname(dirname(require.resolve('yauzl'))),
    );
  });
  rows.push({
    what: 'all analyses, one core, lines/min',
    'ours ms': Math.round(everything),
    ratio: Math.round(lines / (everything / 60_000)),
    asked: '150000',
  });

  const { database, close } = await openTestDatabase({ schema: 'analyzer', entities: [], migrations: MIGRATIONS });
  const engine = new EnginePool({ script: join(process.cwd(), 'dist/apps/analyzer/engine.child.mjs') });
  const env = {
    ANALYZER_WORKERS: 2,
    ANALYZER_FILE_TIMEOUT_MS: 10_000,
    ANALYZER_JOB_TIMEOUT_MS: 600_000,
    ANALYZER_ROOTS: '',
  } as AnalyzerEnv;
  const store = new AnalysesStore(database);
  const uploads = new UploadsStore(database, engine as Engine);
  const runner = new AnalysisRunner(
    env,
    engine as Engine,
    store,
    uploads,
    new RulesetsService(database, engine as Engine),
    new FindingsStore(database),
  );
  const thousand = files.slice(0, 1_000).map(({ path, source }) => ({ path, content: source }));

  async function analyse(): Promise<number> {
    const upload = randomUUID();
    const data = Buffer.from(JSON.stringify(thousand));
    for (let at = 0, index = 0; at < data.length; at += 500_000, index++)
      await uploads.putPart(upload, index, data.subarray(at, at + 500_000).toString('base64'));
    await uploads.finish(upload, Math.ceil(data.length / 500_000), 'json');
    const analysis = await store.add('files', AnalysisOptions.parse({ project: 'bench' }), { upload });
    await store.start(analysis.id);
    const abort = new AbortController();
    setMaxListeners(0, abort.signal);
    return ms(() => runner.run(analysis, abort.signal));
  }
  const first = await analyse();
  (thousand[500] as { content: string }).content += '\nfunction added(a) { return a ? 1 : 2; }\n';
  const again = await analyse();
  rows.push({ what: `${thousand.length} files through the service, first time, ms`, 'ours ms': Math.round(first) });
  rows.push({ what: `one changed file of ${thousand.length}, ms`, 'ours ms': Math.round(again), asked: '1000' });
  await engine.close();
  await close();
  console.table(rows);
}

void main();
