import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ENV } from '@mcp-router/platform';
import type { AnalyzerEnv } from '../config';
import type { FileResult } from '../engine/analyse-file';
import type { ProjectResult } from '../engine/analyse-project';
import type { TextResult } from '../engine/analyse-text';
import type { CustomRule } from '../engine/custom-rules';
import { Engine } from '../engine/engine';
import { languageOf } from '../engine/languages';
import { matchesPath } from '../engine/path-glob';
import { TaskFailed } from '../engine/pool';
import { FindingsStore } from '../findings/findings.store';
import { RULES } from '../rules';
import { RulesetsService } from '../rulesets/rulesets.service';
import { AnalysesStore, packReport, type StoredAnalysis } from './analyses.store';
import { Collected } from './collected';
import { judge, type Report, summaryOf } from './report';
import { withFolder } from './resolver-folder';
import { allowedFolder, folderSources } from './source-folder';
import { batches, type FileRef, type Sources } from './sources';
import { UploadsStore } from './uploads.store';

const PROGRESS_MS = 250;
const BATCH = 200;
/** Results hold up to ten times as much, and are sent to the database as text; two of the largest files fit. */
const BATCH_BYTES = 4_000_000;
/** Results of another release are not taken from the cache. */
const ENGINE_VERSION = createHash('sha256')
  .update('2')
  .update(RULES.map(({ id, explanation }) => id + explanation).join())
  .digest('hex')
  .slice(0, 16);

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
    const sources = await this.sources(analysis);
    sources.files = sources.files.filter(({ path }) => !options.exclude.some((glob) => matchesPath(glob, path)));
    const { report, results, fromCache } = await withFolder(sources, async (folder) => {
      const read = await this.readFiles(analysis.id, sources, rules, signal);
      return { ...read, report: await this.compare(analysis, read.results, sources.skipped, await folder, signal) };
    });
    await this.markNew(report, options.baseline);
    const summary = summaryOf(report, { fromCache, failed: sources.files.length - results.count });
    if (signal.aborted) throw new TaskFailed('cancelled', 'the work was cancelled');
    // Findings first: who is told that the analysis is done can read them.
    const [body] = await Promise.all([
      packReport(report),
      this.findings.replace(
        `project:${analysis.project}`,
        report.findings.map((finding) => ({
          ...finding,
          subject: 'code' as const,
          project: analysis.project,
          analysisId: analysis.id,
        })),
      ),
    ]);
    await this.analyses.finish(analysis.id, { body, skipped: report.skipped }, summary, judge(options.gate, summary));
  }

  private async sources({ uploadId, path }: StoredAnalysis): Promise<Sources> {
    return uploadId === null
      ? folderSources(await allowedFolder(path ?? '', this.env.ANALYZER_ROOTS.split(':').filter(Boolean)))
      : this.uploads.sources(uploadId);
  }

  /** Reads each file, or takes it from the cache. A file that cannot be read is named in `skipped`, the others go on. */
  private async readFiles(
    id: string,
    sources: Sources,
    rules: CustomRule[],
    signal: AbortSignal,
  ): Promise<{ results: Collected; fromCache: number }> {
    const keyOf = cacheKeys(rules);
    const results = new Collected(sources.skipped);
    const total = sources.files.length;
    let fromCache = 0;
    let done = 0;
    let reported = 0;
    await this.analyses.progress(id, 0, total);
    for (const batch of batches(sources.files, BATCH, BATCH_BYTES)) {
      const given = batch.every(({ hash }) => hash !== undefined) ? undefined : await sources.read(batch);
      const keys = new Map(batch.map((file) => [file, keyOf(file, given?.get(file.path))]));
      const known = await this.analyses.cached([...keys.values()]);
      const missing = batch.filter((file) => !known.has(keys.get(file) ?? ''));
      const contents = given ?? (await sources.read(missing));
      const fresh: { key: string; result: FileResult | TextResult }[] = [];
      const step = async () => {
        done++;
        if (performance.now() - reported < PROGRESS_MS) return;
        reported = performance.now();
        await this.analyses.progress(id, done, total);
      };
      for (const result of known.values()) {
        fromCache++;
        results.add(result);
        await step();
      }
      await inTurns(missing, this.env.ANALYZER_WORKERS + 1, async (file) => {
        const content = contents.get(file.path);
        const result = content && (await this.readFile(file.path, content, rules, sources.skipped, signal));
        if (result) {
          results.add(result);
          fresh.push({ key: keys.get(file) ?? '', result });
        } else if (!content) sources.skipped.push({ path: file.path, reason: 'gone before it was read' });
        await step();
      });
      await this.analyses.remember(fresh);
    }
    await this.analyses.progress(id, done, total);
    results.finish();
    return { results, fromCache };
  }

  private async readFile(
    path: string,
    content: Buffer,
    customRules: CustomRule[],
    skipped: Report['skipped'],
    signal: AbortSignal,
  ): Promise<FileResult | TextResult | undefined> {
    const language = languageOf(path);
    const text = content.toString('utf8');
    const limits = { timeoutMs: this.env.ANALYZER_FILE_TIMEOUT_MS, signal };
    try {
      return language === undefined
        ? await this.engine.run('text', { path, text }, limits)
        : await this.engine.run('file', { path, language, source: text, customRules }, limits);
    } catch (error) {
      if (!(error instanceof TaskFailed) || error.reason === 'cancelled') throw error;
      skipped.push({ path, reason: `analysis failed: ${error.message}` });
      return undefined;
    }
  }

  /** What only shows when files are seen together. */
  private async compare(
    analysis: StoredAnalysis,
    { files, findings, compared }: Collected,
    skipped: Report['skipped'],
    root: string,
    signal: AbortSignal,
  ): Promise<Report> {
    const options = {
      duplication: { minTokens: analysis.options.minCloneTokens, minLines: 5 },
      layers: analysis.options.layers,
    };
    const whole = await this.engine
      .run('project', { files: compared, root, options }, { timeoutMs: this.env.ANALYZER_JOB_TIMEOUT_MS, signal })
      .catch((error: unknown): ProjectResult => {
        if (!(error instanceof TaskFailed) || error.reason === 'cancelled') throw error;
        skipped.push({ path: '.', reason: `files could not be compared: ${error.message}` });
        return { findings: [], fanIn: {}, fanOut: {}, cycles: [], clones: [] };
      });
    return {
      project: analysis.project,
      files: files.map((file) => ({
        ...file,
        fanIn: whole.fanIn[file.path] ?? 0,
        fanOut: whole.fanOut[file.path] ?? 0,
      })),
      findings: [...findings, ...whole.findings].map((finding) => ({ ...finding, isNew: true })),
      cycles: whole.cycles,
      clones: whole.clones,
      skipped,
    };
  }

  private async markNew(report: Report, baseline: string | undefined): Promise<void> {
    if (baseline === undefined) return;
    await this.analyses.get(baseline);
    const known = new Set((await this.analyses.report(baseline)).findings.map(({ fingerprint }) => fingerprint));
    for (const finding of report.findings) finding.isNew = !known.has(finding.fingerprint);
  }
}

/** What a file's result depends on: the engine, the custom rules, its path (part of fingerprints) and its content. */
function cacheKeys(rules: readonly CustomRule[]): (file: FileRef, content: Buffer | undefined) => string {
  const rulesHash = sha256(ENGINE_VERSION, JSON.stringify(rules));
  return ({ path, hash }, content) => sha256(rulesHash, path, '\0', hash ?? sha256(content ?? ''));
}

function sha256(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Does the work on all items, `most` at a time, so that others get their turn in the pool of children too. */
async function inTurns<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: most }, worker));
}
