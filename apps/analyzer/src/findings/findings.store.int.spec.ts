import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import { MIGRATIONS } from '../migrations';
import { FindingsStore, type SeenFinding } from './findings.store';

const finding = (fingerprint: string, more: Partial<SeenFinding> = {}): SeenFinding => ({
  fingerprint,
  ruleId: 'security/sql-injection',
  level: 'error',
  confidence: 'high',
  message: 'a query is built from a request',
  subject: 'code',
  project: 'shop',
  path: 'a.ts',
  line: 3,
  ...more,
});

describe('findings over time', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let findings: FindingsStore;

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'analyzer', entities: [], migrations: MIGRATIONS }));
    findings = new FindingsStore(database);
  });
  afterEach(() => close());

  const all = async () => (await findings.list({ limit: 50 })).items;
  const states = async () => Object.fromEntries((await all()).map(({ fingerprint, state }) => [fingerprint, state]));

  it('are open, fixed when they are gone, and open again when they are back', async () => {
    await findings.replace('project:shop', [finding('one'), finding('two')]);
    await findings.replace('project:shop', [finding('two')]);
    expect(await states()).toEqual({ one: 'fixed', two: 'open' });
    await findings.replace('project:shop', [finding('one'), finding('two')]);
    expect(await states()).toEqual({ one: 'open', two: 'open' });
  });

  it.each(['accepted', 'false-positive'] as const)('that are %s stay so, whatever later scans see', async (state) => {
    await findings.replace('project:shop', [finding('one')]);
    const [{ id } = { id: '' }] = await all();
    await findings.decide(id, { state, note: 'seen' });
    await findings.replace('project:shop', []);
    await findings.replace('project:shop', [finding('one', { line: 40 })]);
    expect(await all()).toMatchObject([{ id, state, note: 'seen', line: 40 }]);
  });

  it('belong to the analysis that saw them last, whether they say the same as before or not', async () => {
    const [first, second] = [uuid(), uuid()];
    const odd = finding('odd', { message: 'half \uD800, a NUL \0 and \x1f', evidence: 'x'.repeat(3_000) });
    const seen = (analysisId: string, line: number) =>
      [finding('same'), odd, finding('moved', { line })].map((one) => ({ ...one, analysisId }));
    await findings.replace('project:shop', seen(first, 3));
    const before = await all();
    await findings.replace('project:shop', seen(second, 9));
    expect((await findings.list({ limit: 10, analysis: first })).items).toEqual([]);
    const after = (await findings.list({ limit: 10, analysis: second })).items;
    expect(after.map(({ fingerprint, line }) => [fingerprint, line]).sort()).toEqual([
      ['moved', 9],
      ['odd', 3],
      ['same', 3],
    ]);
    for (const { id, lastSeenAt, firstSeenAt } of after) {
      const known = before.find((one) => one.id === id);
      expect(known?.firstSeenAt).toBe(firstSeenAt);
      expect(Date.parse(lastSeenAt)).toBeGreaterThan(Date.parse(known?.lastSeenAt ?? ''));
    }
  });

  it('that say the same as before are not written as if they were new', async () => {
    const many = Array.from({ length: 5 }, (_, at) => finding(`f${at}`, { evidence: `ü ${at}` }));
    await findings.replace('project:shop', many);
    const written: unknown[][] = [];
    const watched = {
      query: (sql: string, values: unknown[]) => {
        if (sql.includes('INSERT')) written.push(values);
        return database.query<unknown>(sql, values);
      },
    } as unknown as DataSource;
    await findings.replace('project:shop', [...many.slice(1), finding('f0', { line: 8 })], watched);
    expect(written.map(([ids]) => (ids as string[]).length)).toEqual([1]);
  });

  it('of one project say nothing about another', async () => {
    await findings.replace('project:shop', [finding('one')]);
    await findings.replace('project:other', [finding('one', { project: 'other' })]);
    await findings.replace('project:other', []);
    expect((await all()).map(({ project, state }) => [project, state]).sort()).toEqual([
      ['other', 'fixed'],
      ['shop', 'open'],
    ]);
  });

  it('carry the weaknesses that their rule stands for', async () => {
    await findings.replace('project:shop', [finding('one')]);
    expect(await all()).toMatchObject([{ cwe: [89], owasp: expect.arrayContaining(['A03']) as string[] }]);
  });
});
