import { eventually, startSystem, type System } from '../system';

interface Analysis {
  id: string;
  state: string;
  progress: { done: number; total: number };
  summary: { files: number } | null;
}

const FILES = 300;

describe('two analyzers', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ routers: 0, discovery: 0, monitor: 0, analyzer: 2, env: { ANALYZER_WORKERS: '1' } });
  });
  afterAll(() => system.stop());

  const start = async (project: string) => {
    const files = Array.from({ length: FILES }, (_, i) => ({
      path: `f${i}.ts`,
      content: Array.from(
        { length: 60 },
        (__, j) => `export function ${project}${j}(a: number) { return a > ${i} ? a : ${j}; }`,
      ).join('\n'),
    }));
    return (await system.api<Analysis>('POST', '/api/v1/analyses', { project, files })).body.id;
  };
  const get = async (id: string) => (await system.api<Analysis>('GET', `/api/v1/analyses/${id}`)).body;

  it('finish what one of them was killed over', async () => {
    // Each works on one analysis at a time, so two are enough to know that the one that is killed has one.
    const ids = [await start('one'), await start('two')];
    const both = () => Promise.all(ids.map(get));
    await eventually(
      async () => (await both()).every(({ state, progress }) => state === 'running' && progress.done > 0),
      30_000,
    );
    const [killed] = system.services.filter(({ app }) => app === 'analyzer');
    await killed?.kill('SIGKILL');
    expect((await both()).map(({ state }) => state)).toContain('running');
    await eventually(
      async () => (await both()).every(({ state }) => state === 'done'),
      100_000,
      () => 'an analysis was not finished',
    );
    expect((await both()).map(({ summary }) => summary?.files)).toEqual([FILES, FILES]);
  }, 150_000);
});
