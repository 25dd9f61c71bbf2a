import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipOf } from './zip-file';
import { startSystem, type System } from '../system';

interface Analysis {
  id: string;
  state: string;
  progress: { done: number; total: number };
  summary: { files: number; fromCache: number; errors: number } | null;
  gate: { passed: boolean } | null;
}

interface Finding {
  id: string;
  ruleId: string;
  state: string;
  path: string;
}

const SHELL = `import { exec } from 'node:child_process';
export const run = (name: string) => exec('ls ' + name);
`;
const CLEAN = `export const add = (a: number, b: number) => a + b;
`;
const NO_EVAL = `id: no-console
language: TypeScript
severity: error
message: nothing is written to the console
rule:
  pattern: console.log($$$)
`;

describe('analyses over REST', () => {
  const root = mkdtempSync(join(tmpdir(), 'analysed-'));
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ routers: 0, discovery: 0, monitor: 0, env: { ANALYZER_ROOTS: root } });
  });
  afterAll(async () => {
    await system.stop();
    rmSync(root, { recursive: true, force: true });
  });

  /** The states an analysis goes through until it has ended, as its event stream tells them. */
  const follow = async (id: string): Promise<Analysis[]> => {
    const response = await fetch(`${system.url}/api/v1/analyses/${id}/events`, {
      headers: { authorization: `Bearer ${system.key}`, accept: 'text/event-stream' },
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    return [...(await response.text()).matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as Analysis);
  };
  const start = async (body: object, headers: Record<string, string> = {}) => {
    const reply = await system.api<Analysis>('POST', '/api/v1/analyses', body, headers);
    expect([reply.status, reply.body]).toEqual([202, expect.anything()]);
    return reply.body;
  };
  const analyse = async (body: object): Promise<Analysis> => (await follow((await start(body)).id)).at(-1) as Analysis;
  const report = (id: string, format: string) =>
    system.api<string & Record<string, unknown>>('GET', `/api/v1/analyses/${id}/report?format=${format}`);
  const upload = async (type: string, data: Buffer) => {
    const response = await fetch(`${system.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.key}`, 'content-type': type },
      body: new Uint8Array(data),
    });
    return { status: response.status, body: (await response.json()) as { id: string; files: number; code?: string } };
  };

  it('of files given in the request tell their progress and give a report in every form', async () => {
    const states = await follow((await start({ project: 'inline', files: [{ path: 'run.ts', content: SHELL }] })).id);
    const done = states.at(-1);
    expect(done).toMatchObject({ state: 'done', progress: { done: 1, total: 1 }, gate: { passed: false } });
    const id = done?.id ?? '';
    const json = await report(id, 'json');
    expect(json.body).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ ruleId: 'security/command-injection' })]) as unknown,
    });
    const sarif = await report(id, 'sarif');
    expect(sarif.headers.get('content-type')).toContain('application/sarif+json');
    expect(sarif.body).toMatchObject({ version: '2.1.0', runs: [{ results: expect.any(Array) as unknown }] });
    const markdown = await report(id, 'markdown');
    expect(markdown.headers.get('content-type')).toContain('text/markdown');
    expect(markdown.body).toMatch(/^# [^]*run\.ts/);
    expect((await report(id, 'metrics')).body).toMatchObject({ files: [{ path: 'run.ts' }] });
  });

  it('are started once for one Idempotency-Key, and not for another request with it', async () => {
    const [body, headers] = [
      { project: 'once', files: [{ path: 'a.ts', content: CLEAN }] },
      { 'idempotency-key': 'k1' },
    ];
    const both = await Promise.all([start(body, headers), start(body, headers)]);
    expect(both[0].id).toBe(both[1].id);
    const other = await system.api<{ code: string }>(
      'POST',
      '/api/v1/analyses',
      { ...body, project: 'other' },
      headers,
    );
    expect(other).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  it('keep what was decided about a finding, and say what is fixed', async () => {
    const given = (content: string) => ({ project: 'states', files: [{ path: 'run.ts', content }] });
    await analyse(given(SHELL));
    const findings = async (query = '') =>
      (await system.api<{ items: Finding[] }>('GET', `/api/v1/findings?project=states${query}`)).body.items;
    const found = (await findings('&rule=security/command-injection'))[0];
    expect(found).toMatchObject({ state: 'open', path: 'run.ts' });
    const path = `/api/v1/findings/${found?.id}`;
    const tag = (await system.api('GET', path)).headers.get('etag') ?? '';
    const decision = { state: 'accepted', note: 'an internal tool' };
    expect((await system.api('PATCH', path, decision, { 'if-match': tag })).status).toBe(200);
    expect((await system.api('PATCH', path, decision, { 'if-match': tag })).status).toBe(412);
    await analyse(given(`${SHELL}// one more line\n`));
    expect((await findings('&state=accepted')).map(({ id }) => id)).toEqual([found?.id]);
    await system.api('PATCH', path, { state: 'open' });
    await analyse(given(CLEAN));
    expect((await findings('&rule=security/command-injection')).map(({ state }) => state)).toEqual(['fixed']);
  });

  it('of an upload read zip and tar.gz', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'upload-'));
    writeFileSync(join(folder, 'run.ts'), SHELL);
    execFileSync('tar', ['-czf', join(folder, 'code.tgz'), '-C', folder, 'run.ts']);
    const archives: [string, Buffer][] = [
      ['application/zip', zipOf('run.ts', SHELL)],
      ['application/gzip', readFileSync(join(folder, 'code.tgz'))],
    ];
    for (const [type, data] of archives) {
      const stored = await upload(type, data);
      expect(stored).toMatchObject({ status: 201, body: { files: 1 } });
      const done = await analyse({ project: 'uploaded', upload: stored.body.id });
      expect(done).toMatchObject({ state: 'done', summary: { files: 1 } });
      expect(done.summary?.errors).toBeGreaterThan(0);
    }
    expect(await upload('text/plain', Buffer.from('x'))).toMatchObject({
      status: 415,
      body: { code: 'unsupported_media_type' },
    });
    rmSync(folder, { recursive: true, force: true });
  });

  it('of a folder read what is below an allowed root and nothing else; the second time from the cache', async () => {
    const path = join(root, 'app/src/a.ts');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, CLEAN);
    expect(await analyse({ project: 'folder', path: join(root, 'app') })).toMatchObject({
      summary: { files: 1, fromCache: 0 },
    });
    expect(await analyse({ project: 'folder', path: join(root, 'app') })).toMatchObject({
      summary: { files: 1, fromCache: 1 },
    });
    for (const outside of ['/etc', `${root}/../`, join(root, 'app/../../')])
      expect((await system.api<{ code: string }>('POST', '/api/v1/analyses', { path: outside })).body.code).toBe(
        'forbidden',
      );
  });

  it('end when they are cancelled', async () => {
    const files = Array.from({ length: 400 }, (_, i) => ({
      path: `f${i}.ts`,
      content: Array.from(
        { length: 200 },
        (__, j) => `export function f${j}(a: number) { return a > ${i} ? a * ${j} : ${i}; }`,
      ).join('\n'),
    }));
    const { id } = await start({ project: 'long', files });
    const following = follow(id);
    const cancelled = await system.api<Analysis>('POST', `/api/v1/analyses/${id}/cancel`);
    expect(cancelled.body.state).toBe('cancelled');
    expect((await following).at(-1)?.state).toBe('cancelled');
    expect((await report(id, 'json')).status).toBe(409);
  });

  it('run custom rules, which are checked when they are saved and not overwritten unseen', async () => {
    const path = '/api/v1/rulesets/ours';
    const bad = await system.api<{ code: string; errors: { pointer: string }[] }>('PUT', path, {
      yaml: `${NO_EVAL}---\n${NO_EVAL.replace('pattern: console.log($$$)', 'kind: no_such_kind')}`,
    });
    expect(bad).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ pointer: '/1/rule' }] } });
    const saved = await system.api('PUT', path, { yaml: NO_EVAL });
    const tag = saved.headers.get('etag') ?? '';
    expect((await system.api('GET', path)).headers.get('etag')).toBe(tag);
    const done = await analyse({
      project: 'custom',
      ruleset: 'ours',
      files: [{ path: 'a.ts', content: 'console.log(1);\n' }],
    });
    expect((await report(done.id, 'json')).body).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ ruleId: 'custom/no-console', level: 'error' }),
      ]) as unknown,
    });
    expect((await system.api('PUT', path, { yaml: `${NO_EVAL}# more\n` }, { 'if-match': tag })).status).toBe(200);
    expect((await system.api('PUT', path, { yaml: NO_EVAL }, { 'if-match': tag })).status).toBe(412);
    expect((await system.api('DELETE', path, undefined, { 'if-match': tag })).status).toBe(412);
    expect((await system.api('DELETE', path)).status).toBe(204);
  });
});
