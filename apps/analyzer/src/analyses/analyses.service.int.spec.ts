import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Bus } from '@mcp-router/platform';
import { openTestDatabase } from '@mcp-router/platform/testing';
import { analysisCancelled, AnalysisOptions, type Analysis, type QualityGate } from '@mcp-router/shared';
import { lastValueFrom, toArray } from 'rxjs';
import type { DataSource } from 'typeorm';
import { v4 as uuid } from 'uuid';
import type { AnalyzerEnv } from '../config';
import type { Engine } from '../engine/engine';
import { EnginePool } from '../engine/pool';
import { buildChild } from '../engine/testing/child';
import { FindingsStore } from '../findings/findings.store';
import { MIGRATIONS } from '../migrations';
import { RulesetsService } from '../rulesets/rulesets.service';
import { AnalysesService } from './analyses.service';
import { AnalysesStore } from './analyses.store';
import type { Report } from './report';
import { AnalysisRunner } from './runner';
import { UploadsStore } from './uploads.store';

const QUIET = { info: () => undefined, warn: () => undefined, debug: () => undefined };
const CYCLE = {
  'a.ts': "import { b } from './b';\nexport const a = () => b;\n",
  'b.ts': "import { a } from './a';\nexport const b = () => a;\n",
};

describe('analyses of code', () => {
  let script: string;
  let folder: string;
  let engine: EnginePool;
  let database: DataSource;
  let close: () => Promise<void>;
  let service: AnalysesService;
  let store: AnalysesStore;
  let findings: FindingsStore;
  let rulesets: RulesetsService;
  let uploads: UploadsStore;
  let env: AnalyzerEnv;
  let cancelled: (payload: { id: string }) => void;

  const bus = {
    listen: (_event: unknown, handler: typeof cancelled) => {
      cancelled = handler;
      return () => undefined;
    },
    broadcast: (event: unknown, payload: { id: string }) => {
      if (event === analysisCancelled) cancelled(payload);
      return Promise.resolve();
    },
  } as unknown as Bus;

  const open = () => {
    store = new AnalysesStore(database);
    uploads = new UploadsStore(database, engine as Engine);
    findings = new FindingsStore(database);
    rulesets = new RulesetsService(database, engine as Engine);
    const runner = new AnalysisRunner(env, engine as Engine, store, uploads, rulesets, findings);
    service = new AnalysesService(env, bus, store, uploads, runner, engine as Engine, QUIET as never);
  };

  beforeAll(() => {
    script = buildChild();
    folder = mkdtempSync(join(tmpdir(), 'mcpr-root-'));
  });
  afterAll(() => {
    rmSync(dirname(script), { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'analyzer', entities: [], migrations: MIGRATIONS }));
    engine = new EnginePool({ script });
    env = {
      REDIS_URL: process.env['REDIS_URL'] ?? '',
      REDIS_PREFIX: `test-${uuid()}:`,
      ANALYZER_WORKERS: 2,
      ANALYZER_FILE_TIMEOUT_MS: 5_000,
      ANALYZER_JOB_TIMEOUT_MS: 30_000,
      ANALYZER_ROOTS: folder,
    } as AnalyzerEnv;
    open();
    service.onApplicationBootstrap();
  });
  afterEach(async () => {
    await service.onApplicationShutdown();
    await engine.close();
    await close();
  });

  const upload = async (files: Record<string, string>) => {
    const id = uuid();
    const data = Buffer.from(JSON.stringify(Object.entries(files).map(([path, content]) => ({ path, content }))));
    await uploads.putPart(id, 0, data.toString('base64'));
    await uploads.finish(id, 1, 'json');
    return id;
  };
  const start = async (files: Record<string, string>, options: object = {}) =>
    service.start({ ...AnalysisOptions.parse(options), source: 'files', upload: await upload(files) });
  const ended = ({ id }: Analysis) => lastValueFrom(service.watch(id));
  const analyse = async (files: Record<string, string>, options: object = {}) => ended(await start(files, options));
  const report = async ({ id }: Analysis, format: 'json' | 'sarif' | 'markdown' | 'metrics' = 'json') =>
    (await lastValueFrom(service.report(id, format).pipe(toArray()))).map(({ text }) => text).join('');
  const gate = (limits: QualityGate) => ({ gate: limits });

  it('reads the files, compares them and reports', async () => {
    const done = await analyse(CYCLE, gate({ cycles: 0 }));
    expect(done).toMatchObject({
      state: 'done',
      summary: { files: 2, functions: 2, cycles: 1, fromCache: 0 },
      gate: { passed: false, reasons: ['1 import cycles, allowed are 0'] },
    });
    const { findings: found, files } = JSON.parse(await report(done)) as Report;
    expect(found.map(({ ruleId, path, line }) => [ruleId, path, line])).toEqual([
      ['structure/import-cycle', 'a.ts', 1],
    ]);
    expect(files.map(({ path, fanIn, fanOut }) => [path, fanIn, fanOut])).toEqual([
      ['a.ts', 1, 1],
      ['b.ts', 1, 1],
    ]);
    expect(await report(done, 'markdown')).toContain('**The quality gate is not passed:** 1 import cycles');
    expect(JSON.parse(await report(done, 'sarif'))).toMatchObject({
      version: '2.1.0',
      runs: [{ results: [{ ruleId: 'structure/import-cycle' }] }],
    });
  });

  it('says which imports go against the layers, and anew when only the layers changed', async () => {
    const files = {
      'domain/order.ts': "import { save } from '../data/store';\nexport const order = () => save();\n",
      'data/store.ts': 'export const save = () => 1;\n',
    };
    const layers = (mayUse: string[]) => ({
      layers: [
        { name: 'domain', files: 'domain/**', mayUse },
        { name: 'data', files: 'data/**', mayUse: ['domain'] },
      ],
    });
    const strict = await analyse(files, { ...layers([]), ...gate({ errors: 0 }) });
    expect(strict).toMatchObject({ summary: { errors: 1 }, gate: { passed: false } });
    const { findings: found } = JSON.parse(await report(strict)) as Report;
    expect(found.map(({ ruleId, path, line, message }) => [ruleId, path, line, message])).toEqual([
      ['structure/layer-violation', 'domain/order.ts', 1, 'layer "domain" may not use "data" (data/store.ts)'],
    ]);
    expect(await analyse(files, layers(['data']))).toMatchObject({ summary: { errors: 0, fromCache: 2 } });
  });

  it('takes what it has read before from the cache, whatever the project', async () => {
    await analyse(CYCLE);
    const again = await analyse({ ...CYCLE, 'c.ts': 'export const c = 1;\n' }, { project: 'other' });
    expect(again.summary).toMatchObject({ files: 3, fromCache: 2 });
  });

  it('tells new findings from those of the baseline, and marks the ones that are gone', async () => {
    const first = await analyse(CYCLE);
    const second = await analyse(
      {
        ...CYCLE,
        'x.ts': "import { y } from './y';\nexport const x = () => y;\n",
        'y.ts': "import { x } from './x';\nexport const y = () => x;\n",
      },
      { baseline: first.id, ...gate({ newWarnings: 0 }) },
    );
    expect(second).toMatchObject({ summary: { warnings: 2, newWarnings: 1 }, gate: { passed: false } });
    await analyse({ 'a.ts': 'export const a = 1;\n' });
    expect((await findings.list({ limit: 10, project: 'default' })).items.map(({ state }) => state)).toEqual([
      'fixed',
      'fixed',
    ]);
  });

  it('keeps a finding the same when lines move', async () => {
    await analyse(CYCLE);
    await analyse({ ...CYCLE, 'a.ts': `// moved\n\n${CYCLE['a.ts']}` });
    expect((await findings.list({ limit: 10 })).items.map(({ state, line }) => [state, line])).toEqual([['open', 3]]);
  });

  it('goes on without a file that kills its reader', async () => {
    // Far more than can be read in this time on any machine, beside a file that takes none.
    env.ANALYZER_FILE_TIMEOUT_MS = 1_000;
    const done = await analyse({ 'deep.js': '['.repeat(1_900_000), 'fine.ts': 'export const a = 1;\n' });
    expect(done).toMatchObject({
      state: 'done',
      summary: { files: 1, failed: 1 },
      skipped: [{ path: 'deep.js', reason: expect.stringContaining('analysis failed') as string }],
    });
  });

  it('finds secrets in files of settings, which are not counted as code', async () => {
    const done = await analyse({
      '.env': 'PORT=1\nAPI_KEY=q8Zr2Lw9Xv4Tn7Kb1Mc6\n',
      'deploy/values.yaml': 'db:\n  password: "hT7#kq92Lmz!4xVw"\n',
      'config.json': '{"jwt":{"clientSecret":"Zk2v9QpLx84mTn7Rw1Bc"}}',
      'a.ts': 'export const a = 1;\n',
    });
    expect(done).toMatchObject({ state: 'done', summary: { files: 1, errors: 3, lines: 1 } });
    const { findings: found } = JSON.parse(await report(done)) as Report;
    expect(found.map(({ ruleId, path, line }) => [ruleId, path, line])).toEqual([
      ['security/secret-in-configuration', '.env', 2],
      ['security/secret-in-configuration', 'config.json', 1],
      ['security/secret-in-configuration', 'deploy/values.yaml', 2],
    ]);
    expect((await analyse({ '.env': 'PORT=1\nAPI_KEY=q8Zr2Lw9Xv4Tn7Kb1Mc6\n' })).summary).toMatchObject({
      fromCache: 1,
    });
  });

  it('unpacks archives in a child process, and outlives the child', async () => {
    // The text of these files alone is larger than this heap.
    const small = new EnginePool({ script, heapMb: 10 });
    const inSmall = new UploadsStore(database, small as Engine);
    const id = uuid();
    const files = Array.from({ length: 200 }, (_, i) => ({ path: `f${i}.ts`, content: `// ${i}\n`.repeat(10_000) }));
    const data = Buffer.from(JSON.stringify(files));
    for (let at = 0, index = 0; at < data.length; at += 500_000, index++)
      await inSmall.putPart(id, index, data.subarray(at, at + 500_000).toString('base64'));
    const parts = Math.ceil(data.length / 500_000);
    await expect(inSmall.finish(id, parts, 'json')).rejects.toMatchObject({ code: 'limit_exceeded' });
    await small.close();
    expect(await uploads.finish(id, parts, 'json')).toMatchObject({ files: 200, skipped: [] });
  });

  it('cancels an analysis that waits or runs', async () => {
    env.ANALYZER_FILE_TIMEOUT_MS = 20_000;
    const running = await start(
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}.js`, `const a${i} = 1;\n`.repeat(2_000)])),
    );
    const ended = await service.cancel(running.id);
    expect(ended.state).toBe('cancelled');
    expect((await lastValueFrom(service.watch(running.id))).summary).toBeNull();
  });

  it('takes an analysis up again that another replica left', async () => {
    await service.onApplicationShutdown();
    const waiting = await store.add('files', AnalysisOptions.parse({}), { upload: await upload(CYCLE) });
    await store.start(waiting.id);
    open();
    service.onApplicationBootstrap();
    expect((await ended(waiting)).state).toBe('done');
  });

  it('analyses a folder below an allowed root, and no other', async () => {
    writeFileSync(join(folder, 'a.py'), 'def f(x):\n    return x if x else 1\n');
    rmSync(join(folder, 'out'), { force: true });
    symlinkSync('/etc', join(folder, 'out'));
    const options = AnalysisOptions.parse({});
    expect(await ended(await service.start({ ...options, source: 'path', path: folder }))).toMatchObject({
      state: 'done',
      summary: { files: 1, maxCyclomatic: 2 },
    });
    for (const path of ['/etc', join(folder, 'out'), join(folder, '../'), '/no/such/folder'])
      await expect(service.start({ ...options, source: 'path', path })).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('runs custom rules, and refuses ones that cannot be run when they are saved', async () => {
    const yaml =
      'id: no-console\nlanguage: TypeScript\nseverity: error\nmessage: no console here\nrule:\n  pattern: console.log($$$)\n';
    expect((await rulesets.put({ name: 'mine', yaml })).rules).toMatchObject([
      { id: 'custom/no-console', level: 'error' },
    ]);
    const done = await analyse({ 'a.ts': 'export const f = () => { console.log(1); };\n' }, { ruleset: 'mine' });
    expect(done).toMatchObject({ summary: { errors: 1 }, gate: { passed: false } });
    await expect(rulesets.put({ name: 'bad', yaml: yaml.replace('pattern:', 'patttern:') })).rejects.toMatchObject({
      code: 'invalid_request',
      errors: [{ pointer: '/0/rule' }],
    });
    await expect(rulesets.put({ name: 'bad', yaml: yaml.replace('TypeScript', 'Cobol') })).rejects.toMatchObject({
      errors: [{ pointer: '/0/language' }],
    });
    await expect(
      rulesets.put({ name: 'bad', yaml: `${yaml}constraints:\n  A:\n    regex: "("\n` }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(rulesets.put({ name: 'bad', yaml: ': : :\n  - ][' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });

  it('analyses a few files at once without storing anything', async () => {
    const { metrics, skipped } = await service.analyseNow([
      { path: 'a.py', content: 'def f():\n  pass\n' },
      { path: '../b.py', content: '' },
      { path: 'c.txt', content: '' },
    ]);
    expect(metrics).toMatchObject([{ path: 'a.py', language: 'python' }]);
    expect(skipped.map(({ path }) => path)).toEqual(['../b.py', 'c.txt']);
    expect((await store.list({ limit: 10 })).items).toEqual([]);
  });
});
