import { type Clone, DUPLICATION_DEFAULTS, type DuplicationOptions, findClones, type TokenStream } from './duplication';
import {
  cyclesOf,
  type DeadExport,
  deadExports,
  entriesOf,
  importGraph,
  type ImportGraph,
  type ModuleFile,
} from './import-graph';

/** What the rules for whole projects see: files with what they take and give, and what was found by comparing them. */
export interface Project {
  readonly files: readonly ModuleFile[];
  readonly graph: ImportGraph;
  /** Files that import one another in a ring, by index. */
  readonly cycles: readonly (readonly number[])[];
  readonly deadExports: readonly DeadExport[];
  readonly clones: readonly Clone[];
  /** Layers that may import only what stands below them; empty when none are declared. */
  readonly layers: readonly Layer[];
}

/** Files of one layer and the names of the layers they may import from (besides their own). */
export interface Layer {
  name: string;
  /** Glob over paths: `*` within a folder, `**` across. */
  files: string;
  mayUse: string[];
}

export interface ProjectFile extends ModuleFile {
  tokens: TokenStream;
}

export interface ProjectOptions {
  duplication?: DuplicationOptions;
  layers?: readonly Layer[];
}

/**
 * Compares the files of an analysis with one another.
 *
 * @param root folder that holds the files, for the resolution of imports
 */
export function readProject(files: readonly ProjectFile[], root: string, options: ProjectOptions = {}): Project {
  const graph = importGraph(files, root);
  return {
    files,
    graph,
    cycles: cyclesOf(graph),
    deadExports: deadExports(graph, entriesOf(graph, root)),
    clones: findClones(
      files.map(({ tokens }) => tokens),
      options.duplication ?? DUPLICATION_DEFAULTS,
    ),
    layers: options.layers ?? [],
  };
}
