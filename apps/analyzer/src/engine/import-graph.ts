import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { ResolverFactory } from 'oxc-resolver';
import { isEcmaScript, type LanguageId } from './languages';
import type { ImportFact, ModuleFacts } from './module-facts';

export interface ModuleFile extends ModuleFacts {
  path: string;
  language: LanguageId;
}

export interface Edge {
  from: number;
  to: number;
  fact: ImportFact;
}

/** Who imports whom, among the files of one analysis. */
export interface ImportGraph {
  files: readonly ModuleFile[];
  edges: Edge[];
}

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json', '.node'];

/**
 * Resolves every import as Node and TypeScript do.
 *
 * @param root the folder that the paths are relative to
 */
export function importGraph(files: readonly ModuleFile[], root: string): ImportGraph {
  const index = new Map(files.map(({ path }, at) => [path, at]));
  const resolver = new ResolverFactory({
    extensions: EXTENSIONS,
    extensionAlias: {
      '.js': ['.ts', '.tsx', '.js', '.jsx'],
      '.mjs': ['.mts', '.mjs'],
      '.cjs': ['.cts', '.cjs'],
      '.jsx': ['.tsx', '.jsx'],
    },
    conditionNames: ['node', 'import', 'require', 'default'],
    mainFields: ['module', 'main'],
    ...(existsSync(join(root, 'tsconfig.json')) ? { tsconfig: { configFile: join(root, 'tsconfig.json') } } : {}),
  });
  const edges: Edge[] = [];
  files.forEach((file, from) => {
    for (const fact of file.imports) {
      const path = isEcmaScript(file.language)
        ? resolveEcma(resolver, root, file.path, fact.specifier)
        : resolvePython(index, file.path, fact);
      const to = path === undefined ? undefined : index.get(path);
      if (to !== undefined) edges.push({ from, to, fact });
    }
  });
  return { files, edges };
}

function resolveEcma(resolver: ResolverFactory, root: string, from: string, specifier: string): string | undefined {
  if (specifier.includes('\0')) return undefined;
  const { path } = resolver.sync(dirname(join(root, from)), specifier);
  if (path === undefined) return undefined;
  const inside = relative(root, path);
  return inside.startsWith('..') ? undefined : inside.split(sep).join('/');
}

/** `a.b` from the root or beside the file, `.a` relative; a package is its `__init__.py`. */
function resolvePython(
  index: ReadonlyMap<string, number>,
  from: string,
  { specifier }: ImportFact,
): string | undefined {
  const dots = /^\.*/.exec(specifier)?.[0].length ?? 0;
  const parts = specifier.slice(dots).split('.').filter(Boolean);
  const bases: string[] = [];
  if (dots > 0) {
    let base = dirname(from);
    for (let up = 1; up < dots; up++) base = dirname(base);
    bases.push(base);
  } else bases.push('.', dirname(from));
  for (const base of bases) {
    const module = [base === '.' ? '' : base, ...parts].filter(Boolean).join('/');
    for (const candidate of [`${module}.py`, `${module}/__init__.py`])
      if (index.has(candidate) && candidate !== from) return candidate;
  }
  return undefined;
}

/** Strongly connected components of two or more files (Tarjan, without recursion); types do not count. */
export function cyclesOf({ files, edges }: ImportGraph): number[][] {
  const next: number[][] = files.map(() => []);
  for (const { from, to, fact } of edges) if (!fact.isType) next[from]?.push(to);
  const order = new Int32Array(files.length).fill(-1);
  const low = new Int32Array(files.length);
  const onStack = new Uint8Array(files.length);
  const stack: number[] = [];
  const components: number[][] = [];
  let counter = 0;
  for (let root = 0; root < files.length; root++) {
    if (order[root] !== -1) continue;
    const work: { node: number; child: number }[] = [{ node: root, child: 0 }];
    while (work.length > 0) {
      const top = work[work.length - 1] as { node: number; child: number };
      const { node } = top;
      if (top.child === 0) {
        order[node] = low[node] = counter++;
        stack.push(node);
        onStack[node] = 1;
      }
      const target = next[node]?.[top.child++];
      if (target !== undefined) {
        if (order[target] === -1) work.push({ node: target, child: 0 });
        else if (onStack[target]) low[node] = Math.min(low[node] ?? 0, order[target] ?? 0);
        continue;
      }
      work.pop();
      const parent = work[work.length - 1]?.node;
      if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
      if (low[node] !== order[node]) continue;
      const component: number[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack[member] = 0;
        component.push(member);
        if (member === node) break;
      }
      if (component.length > 1) components.push(component.sort((a, b) => a - b));
    }
  }
  return components;
}

const ALWAYS_ENTRY =
  /(^|\/)(?:.*\.(?:spec|test|stories|config|bench|e2e)\.[cm]?[jt]sx?|__tests__\/.*|conftest\.py|setup\.py|__init__\.py|__main__\.py|manage\.py)$|\.d\.[cm]?ts$/;

/** Files that something outside the imports starts: what package.json names, tests, configuration. */
export function entriesOf({ files, edges }: ImportGraph, root: string): Set<number> {
  const entries = new Set<number>();
  const index = new Map(files.map(({ path }, at) => [path, at]));
  for (const target of manifestTargets(root)) {
    const at = candidates(target)
      .map((path) => index.get(path))
      .find((found) => found !== undefined);
    if (at !== undefined) entries.add(at);
  }
  files.forEach(({ path }, at) => {
    if (ALWAYS_ENTRY.test(path)) entries.add(at);
  });
  // Without a manifest that names one, whatever nobody imports may be started by someone.
  const named = [...entries].some((at) => !ALWAYS_ENTRY.test(files[at]?.path ?? ''));
  if (!named) {
    const imported = new Set(edges.map(({ to }) => to));
    files.forEach((_, at) => {
      if (!imported.has(at)) entries.add(at);
    });
  }
  return entries;
}

function manifestTargets(root: string): string[] {
  const manifest = join(root, 'package.json');
  if (!existsSync(manifest) || statSync(manifest).size > 1_000_000) return [];
  try {
    const { main, module, types, typings, bin, exports, browser } = JSON.parse(
      readFileSync(manifest, 'utf8'),
    ) as Record<string, unknown>;
    const targets: string[] = [];
    const queue: unknown[] = [main ?? 'index', module, types, typings, bin, exports, browser];
    while (queue.length > 0 && targets.length < 1_000) {
      const value = queue.pop();
      if (typeof value === 'string') targets.push(value.replace(/^\.\//, ''));
      else if (typeof value === 'object' && value !== null)
        queue.push(...Object.values(value as Record<string, unknown>));
    }
    return targets;
  } catch {
    return [];
  }
}

/** What may stand behind a path in a manifest: itself, or the source it is built from. */
function candidates(target: string): string[] {
  const stem = target.replace(/(\.d)?\.[cm]?[jt]sx?$/, '');
  const source = stem.replace(/^(?:dist|build|lib|out)\//, 'src/');
  return [
    target,
    ...[stem, source, `${stem}/index`].flatMap((path) => EXTENSIONS.map((extension) => path + extension)),
  ];
}

export interface DeadExport {
  file: number;
  name: string;
  line: number;
  isType: boolean;
}

/**
 * Exports that no file of the analysis imports. Whole-module imports use everything; what an entry gives on is used;
 * files that are not reachable at all are left out, as they are unused as a whole.
 */
export function deadExports(graph: ImportGraph, entries: ReadonlySet<number>): DeadExport[] {
  const used = graph.files.map(() => new Set<string>());
  const queue: { file: number; name: string }[] = [];
  const use = (file: number, name: string) => {
    if (used[file]?.has(name)) return;
    used[file]?.add(name);
    queue.push({ file, name });
  };
  const out = graph.files.map((): Edge[] => []);
  for (const edge of graph.edges) out[edge.from]?.push(edge);
  for (const { to, fact } of graph.edges) if (!fact.givesOn) for (const name of fact.names) use(to, name);
  for (const entry of entries) use(entry, '*');
  for (let at = queue.pop(); at; at = queue.pop())
    for (const { to, fact } of out[at.file] ?? [])
      for (const [outside, inside] of Object.entries(fact.givesOn ?? {}))
        if (outside === at.name || at.name === '*') use(to, inside);
        else if (outside === '*') use(to, at.name);
  const reachable = reachableFrom(entries, out);
  return graph.files.flatMap(({ exports, language }, file) => {
    const names = used[file] ?? new Set();
    if (!isEcmaScript(language) || names.has('*') || !reachable.has(file)) return [];
    return exports.filter(({ name }) => !names.has(name)).map((found) => ({ file, ...found }));
  });
}

function reachableFrom(entries: ReadonlySet<number>, out: readonly Edge[][]): Set<number> {
  const seen = new Set(entries);
  const queue = [...entries];
  for (let at = queue.pop(); at !== undefined; at = queue.pop())
    for (const { to } of out[at] ?? [])
      if (!seen.has(to)) {
        seen.add(to);
        queue.push(to);
      }
  return seen;
}
