import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cyclesOf, deadExports, entriesOf, importGraph } from './import-graph';
import { packageFolder } from './oracles/corpus';
import { copyOfPackage, modulesBelow } from './testing/project';

jest.setTimeout(120_000);

const run = (tool: string, args: string[], cwd: string): string => {
  try {
    return execFileSync(
      process.execPath,
      [join(packageFolder(tool.split(':')[0] ?? ''), tool.split(':')[1] ?? ''), ...args],
      { cwd, encoding: 'utf8', maxBuffer: 512 << 20, stdio: ['ignore', 'pipe', 'pipe'] },
    );
  } catch (error) {
    // Both tools end with an error code when they found something.
    return (error as { stdout: string }).stdout;
  }
};

describe('cycles, against dependency-cruiser', () => {
  it.each([
    ['typeorm', 'browser'],
    ['yaml', 'browser/dist'],
    ['rxjs', 'dist/esm/internal'],
    ['zod', 'v4'],
    ['ajv', 'dist'],
    ['undici', 'lib'],
    ['eslint', 'lib'],
    ['fastify', 'lib'],
    ['express', 'lib'],
    ['@modelcontextprotocol/sdk', 'dist/esm'],
  ])('are the same imports of %s/%s', async (name, part) => {
    const folder = copyOfPackage(name, part);
    try {
      const graph = importGraph(await modulesBelow(folder.path), folder.path);
      const component = new Map<number, number>();
      cyclesOf(graph).forEach((members, id) => members.forEach((member) => component.set(member, id)));
      const ours = graph.edges
        .filter(
          ({ from, to, fact }) =>
            !fact.isType && from !== to && component.has(from) && component.get(from) === component.get(to),
        )
        .map(({ from, to }) => `${graph.files[from]?.path} → ${graph.files[to]?.path}`);
      const { modules } = JSON.parse(
        run(
          'dependency-cruiser:bin/dependency-cruise.mjs',
          ['--no-config', '--no-progress', '--output-type', 'json', '.'],
          folder.path,
        ),
      ) as {
        modules: { source: string; dependencies: { resolved: string; circular: boolean }[] }[];
      };
      const theirs = modules.flatMap(({ source, dependencies }) =>
        dependencies.filter(({ circular }) => circular).map(({ resolved }) => `${source} → ${resolved}`),
      );
      expect([...new Set(ours)].sort()).toEqual([...new Set(theirs)].sort());
    } finally {
      folder.remove();
    }
  });
});

describe('dead exports, against knip', () => {
  it.each([
    ['rxjs', 'src', 'index.ts'],
    ['zod', 'src/v4/classic', 'index.ts'],
    ['typeorm', 'browser', 'index.js'],
    ['yaml', 'browser/dist', 'index.js'],
    ['@modelcontextprotocol/sdk', 'dist/esm', 'client/index.js'],
  ])('are ones that knip reports too: %s/%s', async (name, part, entry) => {
    const folder = copyOfPackage(name, part, entry);
    try {
      const graph = importGraph(await modulesBelow(folder.path), folder.path);
      const ours = deadExports(graph, entriesOf(graph, folder.path)).map(
        (dead) => `${graph.files[dead.file]?.path}:${dead.name}`,
      );
      const report = JSON.parse(
        run(
          'knip:bin/knip.js',
          [
            '--reporter',
            'json',
            '--include',
            'exports,types,nsExports,nsTypes,files',
            '--no-progress',
            '--no-config-hints',
          ],
          folder.path,
        ),
      ) as {
        issues: { file: string; files?: unknown[]; exports?: { name: string }[]; types?: { name: string }[] }[];
      };
      const theirs = new Set(
        report.issues.flatMap(({ file, exports = [], types = [] }) =>
          [...exports, ...types].map((issue) => `${file}:${issue.name}`),
        ),
      );
      const right = ours.filter((dead) => theirs.has(dead));
      expect({
        dead: ours.length,
        precise: right.length >= ours.length * 0.95,
        wrong: ours.filter((dead) => !theirs.has(dead)),
      }).toMatchObject({ precise: true });
    } finally {
      folder.remove();
    }
  });
});
