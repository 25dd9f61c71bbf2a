import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findClones, tokensOf } from './duplication';
import { corpus, packageFolder } from './oracles/corpus';
import { parse } from './parser';
import { folderOf } from './testing/project';

jest.setTimeout(120_000);

interface Seed {
  original: string;
  copy: string;
  line: number;
  endLine: number;
  type: 1 | 2;
}

/** Functions of a package that nobody here wrote, each copied into a file of its own: as it is, or with other names. */
async function seeded(): Promise<{ files: Record<string, string>; seeds: Seed[] }> {
  const files: Record<string, string> = {};
  const seeds: Seed[] = [];
  for (const { path, source } of corpus(['undici/lib'])) {
    if (!path.endsWith('.js')) continue;
    const tree = await parse(source, 'javascript');
    for (const node of tree.ofType(new Set(['function_declaration']))) {
      const lines = tree.lineAt(tree.end(node)) - tree.lineAt(tree.start(node)) + 1;
      if (seeds.length >= 60 || lines < 12 || lines > 80 || tree.parent(node) !== 0) continue;
      const type = seeds.length % 2 === 0 ? 1 : 2;
      if (tokensOf(await parse(tree.text(node), 'javascript')).values.length < 60) continue;
      const original = path.replaceAll('/', '_');
      const copy = `copy${seeds.length}.js`;
      files[original] ??= source;
      const text = tree.text(node);
      files[copy] =
        `// nothing like it\nconst marker${seeds.length} = ${seeds.length};\n\n${type === 1 ? text.replace(/^/gm, '  ') : await renamed(text)}\n`;
      seeds.push({
        original,
        copy,
        line: tree.lineAt(tree.start(node)),
        endLine: tree.lineAt(tree.end(node) - 1),
        type,
      });
      break;
    }
  }
  return { files, seeds };
}

/** Every name gets another one, always the same. */
async function renamed(text: string): Promise<string> {
  const tree = await parse(text, 'javascript');
  let result = '';
  let at = 0;
  for (let node = 0; node < tree.size; node++) {
    if (!tree.isLeaf(node) || !/identifier/.test(tree.type(node))) continue;
    result += `${text.slice(at, tree.end(node))}_z`;
    at = tree.end(node);
  }
  return result + text.slice(at);
}

describe('duplicates, on clones that were put there', () => {
  it('are found, also with other names, and all that jscpd finds is among them', async () => {
    const { files, seeds } = await seeded();
    const names = Object.keys(files);
    const streams = await Promise.all(
      names.map(async (name) => tokensOf(await parse(files[name] ?? '', 'javascript'))),
    );
    const clones = findClones(streams).map(({ a, b, type }) => ({
      a: { ...a, file: names[a.file] ?? '' },
      b: { ...b, file: names[b.file] ?? '' },
      type,
    }));
    const touches = (seed: Seed, { a, b }: (typeof clones)[number]) =>
      [
        [a, b],
        [b, a],
      ].some(
        ([one, other]) =>
          one?.file === seed.original &&
          other?.file === seed.copy &&
          one.line <= seed.line + 3 &&
          one.endLine >= seed.endLine - 3,
      );
    const missed = seeds.filter((seed) => !clones.some((clone) => touches(seed, clone)));
    expect(seeds.length).toBeGreaterThanOrEqual(40);
    expect(missed.length / seeds.length).toBeLessThanOrEqual(0.02);
    const folder = folderOf(files);
    try {
      execFileSync(
        process.execPath,
        [
          join(packageFolder('jscpd'), 'bin/jscpd'),
          '--silent',
          '--reporters',
          'json',
          '--output',
          join(folder.path, 'report'),
          '--min-tokens',
          '50',
          '--min-lines',
          '5',
          '--format',
          'javascript',
          folder.path,
        ],
        { stdio: 'ignore' },
      );
      const { duplicates } = JSON.parse(readFileSync(join(folder.path, 'report/jscpd-report.json'), 'utf8')) as {
        duplicates: {
          firstFile: { name: string; start: number; end: number };
          secondFile: { name: string; start: number; end: number };
        }[];
      };
      const ofSeeds = seeds
        .filter(({ type }) => type === 1)
        .filter((seed) =>
          duplicates.some(({ firstFile, secondFile }) =>
            [firstFile, secondFile].some(({ name }) => name.endsWith(seed.copy)),
          ),
        );
      expect(ofSeeds.filter((seed) => missed.includes(seed))).toEqual([]);
      expect(ofSeeds.length).toBeGreaterThan(0);
    } finally {
      folder.remove();
    }
  });
});
