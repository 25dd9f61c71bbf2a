import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Json } from '../definition/json';
import { ExpressionFault, type ExpressionFaultKind } from './syntax';

export interface ExpressionLimits {
  /** Longest that one evaluation may run, in milliseconds of its own. */
  timeoutMs: number;
  /** Heap of the worker, in MiB. */
  maxMemoryMb: number;
  /** Characters and elements that one evaluation may build, intermediate results included. */
  maxBuilt: number;
  /** Largest result, as JSON. */
  maxOutputBytes: number;
}

export const EXPRESSION_LIMITS: ExpressionLimits = {
  timeoutMs: 50,
  maxMemoryMb: 64,
  maxBuilt: 16_000_000,
  maxOutputBytes: 1_048_576,
};

export interface WorkerRequest {
  id: number;
  text: string;
  globals: Record<string, Json>;
  data: Json;
  now: number | undefined;
  limits: ExpressionLimits;
}

export type WorkerReply =
  | { id: number; value: Json }
  | { id: number; fault: { kind: ExpressionFaultKind; message: string; at?: number; value?: Json } };

interface Job {
  request: WorkerRequest;
  resolve: (value: Json) => void;
  reject: (fault: unknown) => void;
}

/** The bundle of `expression.worker.ts`, which the build puts beside the app's. */
export const WORKER_FILE = join(__dirname, 'expression.worker.mjs');

/** Past the time of an expression a worker that does not answer, because one function of it hangs, is given this long. */
const GRACE_MS = 1_000;

/**
 * Evaluates expressions in one worker thread at a time, in the order they came. A worker that hangs or runs out of memory
 * is ended and replaced; only the expression that did it fails.
 */
export class ExpressionSandbox {
  private readonly waiting: Job[] = [];
  private current: { job: Job; timer: NodeJS.Timeout } | undefined;
  private worker: Worker | undefined;
  private isReady = false;
  private nextId = 1;
  private isClosed = false;

  constructor(
    private readonly limits: ExpressionLimits = EXPRESSION_LIMITS,
    private readonly workerFile = WORKER_FILE,
  ) {}

  run(text: string, globals: Record<string, Json>, data: Json, now?: number): Promise<Json> {
    if (this.isClosed) return Promise.reject(new ExpressionFault('limit', 'Expressions are no longer evaluated'));
    return new Promise((resolve, reject) => {
      const request = { id: this.nextId++, text, globals, data, now, limits: this.limits };
      this.waiting.push({ request, resolve, reject });
      this.advance();
    });
  }

  /** Ends the worker; what waits or runs fails. */
  async close(): Promise<void> {
    this.isClosed = true;
    const fault = new ExpressionFault('limit', 'Expressions are no longer evaluated');
    for (const { reject } of this.waiting.splice(0)) reject(fault);
    this.finish((job) => job.reject(fault));
    await this.worker?.terminate();
  }

  private advance(): void {
    if (this.current || this.waiting.length === 0) return;
    const worker = this.worker ?? this.start();
    if (!this.isReady) return;
    const job = this.waiting.shift();
    if (!job) return;
    const message = `The expression took longer than ${this.limits.timeoutMs} ms`;
    const timer = setTimeout(
      () => this.replace(new ExpressionFault('limit', message)),
      this.limits.timeoutMs + GRACE_MS,
    );
    this.current = { job, timer };
    worker.ref();
    worker.postMessage(job.request);
  }

  private start(): Worker {
    const worker = new Worker(this.workerFile, {
      resourceLimits: { maxOldGenerationSizeMb: this.limits.maxMemoryMb, maxYoungGenerationSizeMb: 16 },
      env: {},
    });
    this.worker = worker;
    this.isReady = false;
    worker.on('message', (message: WorkerReply | 'ready') => {
      if (worker === this.worker) this.receive(message);
    });
    worker.on('error', (error) => {
      if (worker !== this.worker) return;
      const isMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      const reason = isMemory ? `The expression needs more than ${this.limits.maxMemoryMb} MiB` : error.message;
      this.replace(new ExpressionFault('limit', reason));
    });
    return worker;
  }

  private receive(message: WorkerReply | 'ready'): void {
    if (message === 'ready') this.isReady = true;
    else if (this.current?.job.request.id === message.id) {
      this.finish(({ resolve, reject }) => {
        if ('value' in message) resolve(message.value);
        else
          reject(new ExpressionFault(message.fault.kind, message.fault.message, message.fault.at, message.fault.value));
      });
    }
    this.advance();
    // An idle worker keeps no process alive.
    if (!this.current) this.worker?.unref();
  }

  private finish(settle: (job: Job) => void): void {
    if (!this.current) return;
    const { job, timer } = this.current;
    clearTimeout(timer);
    this.current = undefined;
    settle(job);
  }

  /** Gives up the worker and what it was doing. */
  private replace(fault: ExpressionFault): void {
    const { worker } = this;
    this.worker = undefined;
    void worker?.terminate();
    // A worker that failed before it was ready fails whatever waits for it, or it would be started for ever.
    if (this.current) this.finish(({ reject }) => reject(fault));
    else this.waiting.shift()?.reject(fault);
    this.advance();
  }
}
