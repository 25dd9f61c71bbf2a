import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { ENV } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import type { AnalyzerEnv } from '../config';
import type { CodeFinding, FileResult } from '../engine/analyse-file';
import type { CustomRule } from '../engine/custom-rules';
import { Engine } from '../engine/engine';
import { languageOf, type LanguageId } from '../engine/languages';
import { matchesPath } from '../engine/path-glob';
import { TaskFailed } from '../engine/pool';
import { FindingsStore } from '../findings/findings.store';
import { RULES } from '../rules';
import { RulesetsService } from '../rulesets/rulesets.service';
import { AnalysesStore, type StoredAnalysis } from './analyses.store';
import { judge, type Report, summaryOf } from './report';
import { allowedFolder, readFolder } from './source-folder';
import { UploadsStore } from './uploads.store';

const PROGRESS_MS = 250;
const BATCH = 200;
const MAX_SOURCE_LENGTH = 2_000_000;
/** Results of another release are not taken from the cache. */
const ENGINE_VERSION = createHash('sha256')
  .update('1')
  .update(RULES.map(({ id, explanation }) => id + explanation).join())
  .digest('hex')
  .slice(0, 16);

interface Source {
  path: string;
  language: LanguageId;
  text: string;
  key: string;
}

/** Carries one analysis out; taken up again after a crash it finds the files already read in the cache. */
@Injectable()
export class AnalysisRunner {
  constructor(
    @Inject(ENV) private readonly env: AnalyzerEnv,
    private readonly engine: Engine,
    private readonly analyses: AnalysesStore,
    private readonly uploads: UploadsStore,
    private readonly rulesets: RulesetsService,
    private readonly findings: FindingsStore,
  ) {}

  async run(analysis: StoredAnalysis, signal: AbortSignal): Promise<void> {
    const { options } = analysis;
    const rules = options.ruleset === undefined ? [] : await this.rulesets.rulesOf(options.ruleset);
    const { files, skipped, root } = await this.sources(analysis);
    const sources = toSources(files, options.exclude, rules, skipped);
    const { results, fromCache } = await this.readFiles(analysis.id, sources, rules, skipped, signal);
    const report = await this.compare(analysis, results, files, root, skipped, signal);
    await this.markNew(report, options.baseline);
    const summary = summaryOf(report, { fromCache, failed: sources.length - results.length });
    await this.analyses.finish(analysis.id, report, summary, judge(options.gate, summary));
    await this.findings.replace(
      `project:${analysis.project}`,
      report.findings.map((finding) => ({
        ...finding,
        subject: 'code' as const,
        project: analysis.project,
        analysisId: analysis.id,
      })),
    );
  }

  private async sources({ uploadId, path }: StoredAnalysis): Promise<{
    files: { path: string; content: Buffer }[];
    skipped: Report['skipped'];
    root: string | null;
  }> {
    if (uploadId !== null)
      return { files: await this.uploads.files(uploadId), skipped: await this.uploads.skipped(uploadId), root: null };
    const root = await allowedFolder(path ?? '', this.env.ANALYZER_ROOTS.split(':').filter(Boolean));
    return { ...(await readFolder(root)), root };
  }

  /** Reads each file, or takes it from the cache. A file that cannot be read is named in `skipped`, the others go on. */
  private async readFiles(
    id: string,
    sources: readonly Source[],
    rules: CustomRule[],
    skipped: Report['skipped'],
    signal: AbortSignal,
  ): Promise<{ results: FileResult[]; fromCache: number }> {
    const results: FileResult[] = [];
    let fromCache = 0;
    let done = 0;
    let reported = 0;
    await this.analyses.progress(id, 0, sources.length);
    for (let from = 0; from < sources.length; from += BATCH) {
      const batch = sources.slice(from, from + BATCH);
      const known = await this.analyses.cached(batch.map(({ key }) => key));
      const fresh: { key: string; result: FileResult }[] = [];
      const read = async (source: Source) => {
        const cached = known.get(source.key);
        if (cached) {
          fromCache++;
          results.push(cached);
        } else {
          const result = await this.readFile(source, rules, skipped, signal);
          if (result) {
            fresh.push({ key: source.key, result });
            results.push(result);
          }
        }
        done++;
        if (performance.now() - reported > PROGRESS_MS) {
          reported = performance.now();
          await this.analyses.progress(id, done, sources.length);
        }
      };
      await Promise.all(batch.map(read));
      await this.analyses.remember(fresh);
    }
    await this.analyses.progress(id, done, sources.length);
    return { results: results.sort((a, b) => (a.path < b.path ? -1 : 1)), fromCache };
  }

  private async readFile(
    { path, language, text }: Source,
    customRules: CustomRule[],
    skipped: Report['skipped'],
    signal: AbortSignal,
  ): Promise<FileResult | undefined> {
    try {
      return await this.engine.run(
        'file',
        { path, language, source: text, customRules },
        { timeoutMs: this.env.ANALYZER_FILE_TIMEOUT_MS, signal },
      );
    } catch (error) {
      if (!(error instanceof TaskFailed) || error.reason === 'cancelled') throw error;
      skipped.push({ path, reason: `analysis failed: ${error.message}` });
      return undefined;
    }
  }

  /** What only shows when files are seen together. Sources that are not on a disk are put on one for the resolver. */
  private async compare(
    analysis: StoredAnalysis,
    results: readonly FileResult[],
    files: readonly { path: string; content: Buffer }[],
    root: string | null,
    skipped: Report['skipped'],
    signal: AbortSignal,
  ): Promise<Report> {
    const folder = root ?? (await putOnDisk(files));
    try {
      const options = {
        duplication: { minTokens: analysis.options.minCloneTokens, minLines: 5 },
        layers: analysis.options.layers,
      };
      const input = {
        files: results.map(({ path, language, modules, tokens }) => ({ path, language, ...modules, tokens })),
        root: folder,
        options,
      };
      const whole = await this.engine
        .run('project', input, { timeoutMs: this.env.ANALYZER_JOB_TIMEOUT_MS, signal })
        .catch((error: unknown) => {
          if (!(error instanceof TaskFailed) || error.reason === 'cancelled') throw error;
          skipped.push({ path: '.', reason: `files could not be compared: ${error.message}` });
          return { findings: [], fanIn: {}, fanOut: {}, cycles: [], clones: [] };
        });
      const fanIn: Record<string, number> = whole.fanIn;
      const fanOut: Record<string, number> = whole.fanOut;
      return {
        project: analysis.project,
        files: results.map(({ path, language, hasError, metrics }) => ({
          path,
          language,
          hasError,
          metrics,
          fanIn: fanIn[path] ?? 0,
          fanOut: fanOut[path] ?? 0,
        })),
        findings: [...results.flatMap((result) => result.findings), ...whole.findings].map((finding: CodeFinding) => ({
          ...finding,
          isNew: true,
        })),
        cycles: whole.cycles,
        clones: whole.clones,
        skipped,
      };
    } finally {
      if (root === null) await rm(folder, { recursive: true, force: true });
    }
  }

  private async markNew(report: Report, baseline: string | undefined): Promise<void> {
    if (baseline === undefined) return;
    await this.analyses.get(baseline);
    const known = new Set((await this.analyses.report(baseline)).findings.map(({ fingerprint }) => fingerprint));
    for (const finding of report.findings) finding.isNew = !known.has(finding.fingerprint);
  }
}

export function toSources(
  files: readonly { path: string; content: Buffer }[],
  exclude: readonly string[],
  rules: readonly CustomRule[],
  skipped: Report['skipped'],
): Source[] {
  const rulesHash = createHash('sha256').update(ENGINE_VERSION).update(JSON.stringify(rules)).digest('hex');
  return files.flatMap(({ path, content }) => {
    const language = languageOf(path);
    if (language === undefined || exclude.some((glob) => matchesPath(glob, path))) return [];
    if (content.length > MAX_SOURCE_LENGTH) {
      skipped.push({ path, reason: 'too large' });
      return [];
    }
    // The path is part of a finding's fingerprint, so it is part of what a result depends on.
    const key = createHash('sha256').update(rulesHash).update(path).update('\0').update(content).digest('hex');
    return [{ path, language, text: content.toString('utf8'), key }];
  });
}

async function putOnDisk(files: readonly { path: string; content: Buffer }[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-router-analysis-'));
  for (const { path, content } of files) {
    const target = join(folder, path);
    // Paths were checked when the archive was read; a second look costs nothing.
    if (!target.startsWith(`${folder}/`)) throw new AppError('invalid_request', `"${path}" lies outside`);
    await mkdir(dirname(target), { recursive: true });
    // Imports are resolved by names; only manifests are read.
    await writeFile(target, path.endsWith('.json') ? content : '', { flag: 'wx' }).catch((error: unknown) => {
      // Two names that a file system takes for one: the first stands.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST' && code !== 'EISDIR') throw error;
    });
  }
  return folder;
}
