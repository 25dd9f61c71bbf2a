import type { FileResult } from './analyse-file';

const MAX_FUNCTIONS = 5_000;
const MAX_CLASSES = 2_000;
const MAX_MODULES = 5_000;
const MAX_NAMES = 20_000;
const MAX_TOKENS = 400_000;
const MAX_NAME = 200;
const MAX_SPECIFIER = 1_000;
const MAX_TEXT = 1_000;

/**
 * The result of a file within bounds that no sane file reaches, so that a hostile one cannot fill the memory of who
 * collects results. What was left out is said in `notes`; sums over the whole file stay as they are.
 */
export function bounded(result: FileResult): FileResult {
  const { metrics, modules, tokens } = result;
  const notes: string[] = [];
  const first = <T>(list: T[], most: number, what: string): T[] => {
    if (list.length <= most) return list;
    notes.push(`only the first ${most} of ${list.length} ${what} are listed`);
    return list.slice(0, most);
  };
  let room = MAX_NAMES;
  const takeNames = (names: string[]): string[] => {
    const taken = names.slice(0, room);
    room -= taken.length;
    return taken;
  };
  return {
    ...result,
    metrics: {
      ...metrics,
      functions: first(metrics.functions, MAX_FUNCTIONS, 'functions').map((it) => ({ ...it, name: short(it.name) })),
      classes: first(metrics.classes, MAX_CLASSES, 'classes').map((it) => ({ ...it, name: short(it.name) })),
    },
    findings: result.findings.map((finding) => ({ ...finding, message: finding.message.slice(0, MAX_TEXT) })),
    modules: {
      imports: first(modules.imports, MAX_MODULES, 'imports')
        .filter(({ specifier }) => specifier.length <= MAX_SPECIFIER)
        .map((fact) => ({ ...fact, names: takeNames(fact.names) })),
      exports: first(modules.exports, MAX_MODULES, 'exports').filter(({ name }) => name.length <= MAX_NAME),
    },
    tokens:
      tokens.values.length <= MAX_TOKENS
        ? tokens
        : { values: tokens.values.slice(0, MAX_TOKENS), lines: tokens.lines.slice(0, MAX_TOKENS) },
    ...(notes.length > 0 ? { notes } : {}),
  };
}

const short = (name: string) => (name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME)}…`);
