import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
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
