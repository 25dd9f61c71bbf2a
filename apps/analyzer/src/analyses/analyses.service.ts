import { setMaxListeners } from 'node:events';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, currentContext, ENV, LOGGER } from '@mcp-router/platform';
import {
  analysisCancelled,
  type analyseCode,
  AppError,
  SYSTEM_PRINCIPAL,
  type Analysis,
  type AnalysisOptions,
} from '@mcp-router/shared';
import { Queue, Worker, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Observable } from 'rxjs';
import type { z } from 'zod';
import type { AnalyzerEnv } from '../config';
import type { FileResult } from '../engine/analyse-file';
import { safePath } from '../engine/archive';
import { Engine } from '../engine/engine';
import { languageOf } from '../engine/languages';
import { TaskFailed } from '../engine/pool';
import { AnalysesStore, publicPart } from './analyses.store';
import { toMarkdown } from './markdown';
import { AnalysisRunner } from './runner';
import { toSarif } from './sarif';
import { allowedFolder } from './source-folder';
import { UploadsStore } from './uploads.store';

const QUEUE = 'analyses';
const PRUNE_MS = 3_600_000;
const SWEEP_MS = 30_000;
const WATCH_MS = 250;
const REPORT_CHUNK = 200_000;
/** After a crash another replica takes the work up when this has passed. */
const LOCK_MS = 15_000;

type CodeReport = z.output<typeof analyseCode.output>;

/** Analyses as jobs: Postgres is the truth, BullMQ wakes a worker; what Redis loses is put in again from Postgres. */
@Injectable()
export class AnalysesService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly connections: Redis[] = [];
  private queue: Queue | undefined;
  private worker: Worker | undefined;
  private readonly running = new Map<string, AbortController>();
  private readonly timers: NodeJS.Timeout[] = [];
  private stopListening: (() => void) | undefined;

  constructor(
    @Inject(ENV) private readonly env: AnalyzerEnv,
    private readonly bus: Bus,
    private readonly analyses: AnalysesStore,
    private readonly uploads: UploadsStore,
    private readonly runner: AnalysisRunner,
    private readonly engine: Engine,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const prefix = `${this.env.REDIS_PREFIX}bull`;
    this.queue = new Queue(QUEUE, { connection: this.connect(), prefix });
    this.worker = new Worker(QUEUE, (job: Job<{ id: string }>) => this.work(job.data.id), {
      connection: this.connect(),
      prefix,
      concurrency: 1,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS / 3,
      maxStalledCount: 3,
    });
    const note = (error: Error) => this.logger.debug({ err: error }, 'the queue of analyses');
    this.queue.on('error', note);
    this.worker.on('error', note);
    this.stopListening = this.bus.listen(analysisCancelled, ({ id }) => this.running.get(id)?.abort());
    const often = (work: () => Promise<unknown>, everyMs: number) =>
      this.timers.push(
        setInterval(
          () => void work().catch((error: unknown) => this.logger.debug({ err: error }, 'upkeep of analyses')),
          everyMs,
        ).unref(),
      );
    often(() => this.sweep(), SWEEP_MS);
    often(() => this.uploads.prune(), PRUNE_MS);
    void this.sweep().catch(() => undefined);
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    this.stopListening?.();
    // What runs now is taken up by another replica, or by the next start.
    await this.worker?.close(true);
    await this.queue?.close();
    for (const connection of this.connections) connection.disconnect();
  }

  private connect(): Redis {
    const connection = new Redis(this.env.REDIS_URL, { maxRetriesPerRequest: null, enableReadyCheck: false });
    connection.on('error', () => undefined);
    this.connections.push(connection);
    return connection;
  }

  /** Puts in again what Postgres says should run: a job of the same id is there only once. */
  private async sweep(): Promise<void> {
    for (const id of await this.analyses.unfinished()) await this.enqueue(id);
  }

  private async enqueue(id: string): Promise<void> {
    await this.queue?.add('run', { id }, { jobId: id, removeOnComplete: true, removeOnFail: true });
  }

  private async work(id: string): Promise<void> {
    if (!(await this.analyses.start(id))) return;
    const abort = new AbortController();
    // Every file of a batch listens to it.
    setMaxListeners(0, abort.signal);
    const deadline = setTimeout(() => abort.abort(), this.env.ANALYZER_JOB_TIMEOUT_MS);
    this.running.set(id, abort);
    try {
      await this.runner.run(await this.analyses.get(id), abort.signal);
    } catch (error) {
      // The service is stopping: the analysis stays as it is and is taken up again.
      if (error instanceof TaskFailed && error.reason === 'cancelled' && !abort.signal.aborted) throw error;
      const detail =
        error instanceof AppError || error instanceof TaskFailed ? error.message : 'Something went wrong on our side';
      if (!(error instanceof AppError)) this.logger.warn({ err: error, id }, 'an analysis failed');
      await this.analyses.end(
        id,
        'failed',
        abort.signal.aborted ? `took longer than ${this.env.ANALYZER_JOB_TIMEOUT_MS} ms` : detail,
      );
    } finally {
      clearTimeout(deadline);
      this.running.delete(id);
    }
  }

  async start(
    input: AnalysisOptions & {
      source: Analysis['source'];
      upload?: string | undefined;
      path?: string | undefined;
      idempotencyKey?: string | undefined;
      requestHash?: string | undefined;
    },
  ): Promise<Analysis> {
    const { source, upload, path, idempotencyKey, requestHash, ...options } = input;
    const by = (currentContext()?.principal ?? SYSTEM_PRINCIPAL).agentId;
    const once = idempotencyKey === undefined ? undefined : { by, key: idempotencyKey, requestHash };
    const known = once && (await this.analyses.startedBefore(once));
    if (known) return publicPart(known);
    if (upload !== undefined) await this.uploads.skipped(upload);
    if (path !== undefined) await allowedFolder(path, this.env.ANALYZER_ROOTS.split(':').filter(Boolean));
    if (options.baseline !== undefined) await this.analyses.report((await this.analyses.get(options.baseline)).id);
    const analysis = await this.analyses.add(source, options, { upload, path }, once);
    // When Redis is away the sweep finds it later.
    await this.enqueue(analysis.id).catch(() => undefined);
    return publicPart(analysis);
  }

  async cancel(id: string): Promise<Analysis> {
    if (await this.analyses.end((await this.analyses.get(id)).id, 'cancelled', null))
      await this.bus.broadcast(analysisCancelled, { id });
    return publicPart(await this.analyses.get(id));
  }

  /** The analysis whenever something about it changed, the last time when it has ended. */
  watch(id: string): Observable<Analysis> {
    return new Observable((subscriber) => {
      let last = '';
      let timer: NodeJS.Timeout | undefined;
      const look = async () => {
        const analysis = publicPart(await this.analyses.get(id));
        const now = JSON.stringify(analysis);
        if (now !== last) subscriber.next(analysis);
        last = now;
        if (analysis.finishedAt !== null) subscriber.complete();
        else if (!subscriber.closed) timer = setTimeout(again, WATCH_MS);
      };
      const again = () => void look().catch((error: unknown) => subscriber.error(error));
      again();
      return () => clearTimeout(timer);
    });
  }

  /** A report in pieces that fit through the bus. */
  report(id: string, format: 'json' | 'sarif' | 'markdown' | 'metrics'): Observable<{ text: string }> {
    return new Observable((subscriber) => {
      this.render(id, format).then(
        (text) => {
          for (let at = 0; at < text.length || at === 0; at += REPORT_CHUNK)
            subscriber.next({ text: text.slice(at, at + REPORT_CHUNK) });
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(error),
      );
    });
  }

  private async render(id: string, format: 'json' | 'sarif' | 'markdown' | 'metrics'): Promise<string> {
    const analysis = await this.analyses.get(id);
    const report = await this.analyses.report(id);
    if (format === 'sarif') return JSON.stringify(toSarif(report));
    if (format === 'markdown') return toMarkdown(report, analysis);
    if (format === 'metrics') return JSON.stringify({ files: report.files });
    return JSON.stringify({ ...report, summary: analysis.summary, gate: analysis.gate });
  }

  /** Analyses a few files at once; nothing is stored. */
  async analyseNow(given: readonly { path: string; content: string }[]): Promise<CodeReport> {
    const skipped: { path: string; reason: string }[] = [];
    const results: FileResult[] = [];
    const analyse = async (given: string, source: string) => {
      const path = safePath(given);
      if (path === undefined) return skipped.push({ path: given, reason: 'not a path inside a project' });
      const language = languageOf(path);
      if (language === undefined) return skipped.push({ path, reason: 'not a language that is read' });
      return this.engine
        .run('file', { path, language, source, customRules: [] }, { timeoutMs: this.env.ANALYZER_FILE_TIMEOUT_MS })
        .then(
          (result) => results.push(result),
          (error: unknown) => skipped.push({ path, reason: `analysis failed: ${(error as Error).message}` }),
        );
    };
    await Promise.all(given.map(({ path, content }) => analyse(path, content)));
    results.sort((a, b) => (a.path < b.path ? -1 : 1));
    return {
      findings: results.flatMap(({ findings }) => findings.map((finding) => ({ ...finding }))),
      metrics: results.map(({ path, language, hasError, metrics }) => ({ path, language, hasError, ...metrics })),
      skipped,
    };
  }
}
