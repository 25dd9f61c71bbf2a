import type { FileResult } from '../engine/analyse-file';
import type { TextResult } from '../engine/analyse-text';
import type { CodeFinding } from '../engine/analyse-file';
import type { ProjectFile } from '../engine/project';
import type { Report } from './report';

const MAX_TOKENS = 4_000_000;
const MAX_FACTS = 150_000;
const MAX_FUNCTIONS = 100_000;
const MAX_FINDINGS = 25_000;

/**
 * The results of an analysis as they come in, within totals that keep the service small however large the project is:
 * past them files are not compared with one another, functions not listed, findings not kept, and `skipped` says so.
 */
export class Collected {
  readonly files: Omit<Report['files'][number], 'fanIn' | 'fanOut'>[] = [];
  readonly findings: CodeFinding[] = [];
  readonly compared: ProjectFile[] = [];
  count = 0;
  private tokens = 0;
  private facts = 0;
  private functions = 0;
  private readonly notes = new Map<string, number>();

  constructor(private readonly skipped: Report['skipped']) {}

  add(result: FileResult | TextResult): void {
    this.count++;
    const room = MAX_FINDINGS - this.findings.length;
    this.findings.push(...result.findings.slice(0, room));
    if (result.findings.length > room) this.note('findings that are left out', result.findings.length - room);
    if (result.language !== null) this.addCode(result);
  }

  /** Says what had to be left out, and puts everything in the order of paths. */
  finish(): void {
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
    this.files.sort(byPath);
    this.compared.sort(byPath);
    this.findings.sort((a, b) => byPath(a, b) * (a.path === b.path ? 0 : 1));
    for (const [what, many] of this.notes) this.skipped.push({ path: '.', reason: `too large: ${many} ${what}` });
  }

  private addCode({ path, language, hasError, metrics, modules, tokens, notes = [] }: FileResult): void {
    for (const reason of notes) this.skipped.push({ path, reason });
    this.functions += metrics.functions.length;
    const listed = this.functions <= MAX_FUNCTIONS;
    if (!listed) this.note('functions that are not listed', metrics.functions.length);
    this.files.push({
      path,
      language,
      hasError,
      metrics: listed ? metrics : { ...metrics, functions: [], classes: [] },
    });

    this.facts += modules.imports.reduce((sum, { names }) => sum + names.length + 1, modules.exports.length);
    if (this.facts > MAX_FACTS) {
      this.note('files that are not compared', 1);
      return;
    }
    this.tokens += tokens.values.length;
    const searched = this.tokens <= MAX_TOKENS;
    if (!searched) this.note('files that are not searched for duplicates', 1);
    this.compared.push({ path, language, ...modules, tokens: searched ? tokens : NO_TOKENS });
  }

  private note(what: string, many: number): void {
    this.notes.set(what, (this.notes.get(what) ?? 0) + many);
  }
}

const NO_TOKENS = { values: new Uint32Array(), lines: new Uint32Array() };
