import { findClones, tokensOf, type Clone, type ClonePart } from './duplication';
import { corpus } from './oracles/corpus';
import { jscpdClones, type Fragment } from './oracles/jscpd.oracle';
import { parse } from './parser';

jest.setTimeout(240_000);

const KINDS = ['as it is', 'other layout and comments', 'other names', 'other texts and numbers'] as const;

interface Seed {
  original: Fragment;
  copy: Fragment;
  kind: (typeof KINDS)[number];
}
type Pair = [Fragment, Fragment, Clone['type']];

/** Writes the leaves of some types anew, and leaves everything between them as it is. */
async function rewritten(text: string, types: RegExp, by: (leaf: string) => string): Promise<string> {
  const tree = await parse(text, 'javascript');
  let result = '';
  let at = 0;
  for (let node = 0; node < tree.size; node++) {
    if (!tree.isLeaf(node) || !types.test(tree.type(node))) continue;
    result += text.slice(at, tree.start(node)) + by(tree.text(node));
    at = tree.end(node);
  }
  return result + text.slice(at);
}

const CHANGE: Record<Seed['kind'], (text: string) => string | Promise<string>> = {
  'as it is': (text) => text,
  'other layout and comments': (text) => text.replace(/^[ \t]*/gm, '      ').replace(/;$/gm, '; // seen'),
  'other names': (text) => rewritten(text, /identifier(?:_pattern)?$/, (name) => `${name}_z`),
  'other texts and numbers': (text) => rewritten(text, /^(?:string_fragment|number)$/, (it) => `${it}7`),
};

/** Functions of packages that nobody here wrote, each copied into a file of its own between other lines. */
async function seeded(): Promise<{ files: Record<string, string>; seeds: Seed[] }> {
  const files: Record<string, string> = {};
  const seeds: Seed[] = [];
  for (const { path, source } of corpus(['undici/lib', 'eslint/lib/rules'])) {
    if (!path.endsWith('.js')) continue;
    const original = path.replaceAll('/', '_');
    files[original] = source;
    const tree = await parse(source, 'javascript');
    for (const node of tree.ofType(new Set(['function_declaration', 'method_definition']))) {
      const line = tree.lineAt(tree.start(node));
      const endLine = tree.lineAt(tree.end(node) - 1);
      if (endLine - line < 8 || endLine - line > 80) continue;
      const isMethod = tree.type(node) === 'method_definition';
      const kind = KINDS[seeds.length % KINDS.length] ?? KINDS[0];
      const changed = await CHANGE[kind](isMethod ? `({ ${tree.text(node)} })` : tree.text(node));
      const stream = tokensOf(await parse(changed, 'javascript'));
      if (stream.values.length < 70) continue;
      const copy = `copy${seeds.length}.js`;
      files[copy] = `'use strict';\n\nconst marker${seeds.length} = ${seeds.length};\n${changed}\n`;
      seeds.push({
        kind,
        original: { path: original, line, endLine },
        copy: { path: copy, line: 4, endLine: 3 + changed.split('\n').length },
      });
      break;
    }
  }
  return { files, seeds };
}

async function ourClones(files: Readonly<Record<string, string>>): Promise<Pair[]> {
  const names = Object.keys(files);
  const streams = await Promise.all(names.map(async (name) => tokensOf(await parse(files[name] ?? '', 'javascript'))));
  const part = ({ file, line, endLine }: ClonePart): Fragment => ({ path: names[file] ?? '', line, endLine });
  return findClones(streams).map(({ a, b, type }) => [part(a), part(b), type]);
}

const contains = (outer: Fragment, inner: Fragment) =>
  outer.path === inner.path && outer.line <= inner.line + 2 && outer.endLine >= inner.endLine - 2;

/** Which share of a fragment's lines lies in any of these. */
function coverage(fragments: readonly Fragment[]): (fragment: Fragment) => number {
  const lines = new Set<string>();
  for (const { path, line, endLine } of fragments) for (let at = line; at <= endLine; at++) lines.add(`${path}:${at}`);
  return ({ path, line, endLine }) => {
    let covered = 0;
    for (let at = line; at <= endLine; at++) if (lines.has(`${path}:${at}`)) covered++;
    return covered / (endLine - line + 1);
  };
}

const text = (fragments: readonly Fragment[]) =>
  fragments.map(({ path, line, endLine }) => `${path}:${line}-${endLine}`).join(' = ');

describe('duplicates, against jscpd on seeded clones', () => {
  let files: Record<string, string>;
  let seeds: Seed[];
  let ours: Pair[];

  beforeAll(async () => {
    ({ files, seeds } = await seeded());
    ours = await ourClones(files);
  });

  it('finds at least 98 of 100 copies, of each kind', () => {
    const missed = seeds.filter(
      ({ original, copy }) =>
        !ours.some(
          ([a, b]) => (contains(a, original) && contains(b, copy)) || (contains(b, original) && contains(a, copy)),
        ),
    );
    const recall = Object.fromEntries(
      KINDS.map((kind) => {
        const all = seeds.filter((seed) => seed.kind === kind);
        return [kind, 1 - missed.filter((seed) => seed.kind === kind).length / all.length];
      }),
    );
    expect(seeds.length).toBeGreaterThanOrEqual(200);
    const low = Object.values(recall).some((share) => share < 0.98);
    expect(low ? { recall, missed: missed.map(({ original, copy }) => text([original, copy])) } : 'enough').toBe(
      'enough',
    );
  });

  it('finds what jscpd finds', () => {
    const found = coverage(ours.flatMap(([a, b]) => [a, b]));
    // Well above our threshold, and without pairs whose end its report places before their beginning.
    const theirs = jscpdClones(files, 120).filter((pair) =>
      pair.every(({ line, endLine }) => endLine - line >= 5 && endLine - line < 500),
    );
    const missed = theirs.filter((pair) => pair.some((fragment) => found(fragment) < 0.7));
    expect(theirs.length).toBeGreaterThan(50);
    expect(missed.length / theirs.length <= 0.02 ? 'enough' : missed.map(text)).toBe('enough');
  });

  it('reports at most 2 of 100 pairs that are not equal', async () => {
    const normalised: Record<string, string> = {};
    for (const [path, source] of Object.entries(files)) {
      const names = await rewritten(source, /identifier(?:_pattern)?$/, () => 'x');
      normalised[path] = await rewritten(names, /^(?:string_fragment|number)$/, () => '0');
    }
    // Its tokens are other ones, so its threshold is lower; what differs in names is the same once names are.
    const equalByJscpd = coverage(jscpdClones(files, 30).flat());
    const alikeByJscpd = coverage(jscpdClones(normalised, 30).flat());

    const isSeed = ([a, b]: Pair) =>
      seeds.some(({ original, copy }) =>
        [[a, b] as const, [b, a] as const].some(([one, other]) => overlaps(one, original) && overlaps(other, copy)),
      );
    const isRight = (pair: Pair) => {
      const covered = pair[2] === 1 ? equalByJscpd : alikeByJscpd;
      return isSeed(pair) || (covered(pair[0]) >= 0.7 && covered(pair[1]) >= 0.7);
    };
    for (const type of [1, 2] as const) {
      const pairs = ours.filter((pair) => pair[2] === type);
      const wrong = pairs.filter((pair) => !isRight(pair));
      expect(pairs.length).toBeGreaterThan(100);
      const isPrecise = wrong.length / pairs.length <= 0.02;
      expect(isPrecise ? 'precise' : { all: pairs.length, wrong: wrong.map(([a, b]) => text([a, b])) }).toBe('precise');
    }
  });
});

const overlaps = (a: Fragment, b: Fragment) => a.path === b.path && a.line <= b.endLine && b.line <= a.endLine;
