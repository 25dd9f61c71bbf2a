import { fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { ChildReady, TaskInput, TaskName, TaskOutput, TaskReply } from './tasks';

export interface PoolOptions {
  /** The bundled `engine.child`. */
  script: string;
  /** Children at most; each takes one task at a time. */
  size: number;
  /** JavaScript heap of a child. */
  heapMb: number;
  /** Resident memory of a child, WebAssembly included; past it the child is killed. */
  maxRssMb: number;
  /** A child without work ends after this. */
  idleMs: number;
}

const POOL_DEFAULTS: Omit<PoolOptions, 'script'> = { size: 2, heapMb: 256, maxRssMb: 400, idleMs: 20_000 };

/** Why a task gave nothing: it took too long, too much memory, or its child died of it. */
export class TaskFailed extends Error {
  constructor(
    readonly reason: 'timeout' | 'memory' | 'crashed' | 'cancelled' | 'failed',
    message: string,
  ) {
    super(message);
    this.name = 'TaskFailed';
  }
}

interface Job {
  task: TaskName;
  input: unknown;
  timeoutMs: number;
  signal: AbortSignal | undefined;
  resolve: (output: unknown) => void;
  reject: (error: TaskFailed) => void;
}

/** A busy machine takes its time to load a child; that is not time of the task. */
const START_MS = 30_000;
const RSS_CHECK_MS = 100;
const PAGE_BYTES = 4096;

/**
 * Child processes that read hostile input. A child gets no secrets (its environment is empty) and is killed when a task
 * exceeds its time or memory; the next task gets a new one. The caller's process never parses anything itself.
 */
export class EnginePool {
  private readonly children = new Set<Child>();
  private readonly waiting: Job[] = [];
  private readonly options: PoolOptions;
  private closed = false;

  constructor(options: Partial<PoolOptions> & { script: string }) {
    this.options = { ...POOL_DEFAULTS, ...options };
  }

  /**
   * Runs one task in a child.
   *
   * @throws TaskFailed
   */
  run<T extends TaskName>(
    task: T,
    input: TaskInput<T>,
    limits: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<TaskOutput<T>> {
    return new Promise<TaskOutput<T>>((resolve, reject) => {
      if (this.closed || limits.signal?.aborted) return reject(new TaskFailed('cancelled', 'the work was cancelled'));
      const job: Job = {
        task,
        input,
        timeoutMs: limits.timeoutMs,
        signal: limits.signal,
        resolve: resolve as (output: unknown) => void,
        reject,
      };
      limits.signal?.addEventListener('abort', () => this.drop(job), { once: true });
      this.waiting.push(job);
      this.next();
    });
  }

  /** Process ids of the children that are alive. */
  get pids(): number[] {
    return [...this.children].map(({ pid }) => pid);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const job of this.waiting.splice(0)) job.reject(new TaskFailed('cancelled', 'the service is stopping'));
    await Promise.all([...this.children].map((child) => child.kill('cancelled', 'the service is stopping')));
  }

  private drop(job: Job): void {
    const at = this.waiting.indexOf(job);
    if (at < 0) return;
    this.waiting.splice(at, 1);
    job.reject(new TaskFailed('cancelled', 'the work was cancelled'));
  }

  private next(): void {
    while (this.waiting.length > 0) {
      let child = [...this.children].find(({ isFree }) => isFree);
      if (!child && this.children.size < this.options.size) {
        child = new Child(
          this.options,
          () => this.next(),
          (gone) => {
            this.children.delete(gone);
            this.next();
          },
        );
        this.children.add(child);
      }
      const job = child && this.waiting.shift();
      if (!child || !job) return;
      child.take(job);
    }
  }
}

class Child {
  private readonly process: ChildProcess;
  private isReady = false;
  private job: Job | undefined;
  private jobId = 0;
  private deadline: NodeJS.Timeout | undefined;
  private watch: NodeJS.Timeout | undefined;
  private idle: NodeJS.Timeout | undefined;
  private death: { reason: TaskFailed['reason']; message: string } | undefined;
  private readonly gone: Promise<void>;

  constructor(
    private readonly options: PoolOptions,
    private readonly onFree: () => void,
    onGone: (child: Child) => void,
  ) {
    this.process = fork(options.script, [], {
      env: {},
      execArgv: [`--max-old-space-size=${options.heapMb}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.process.on('message', (message: ChildReady | TaskReply) => {
      if ('isReady' in message) this.begin();
      else this.settle(message);
    });
    this.gone = new Promise((resolve) => {
      const end = () => {
        this.clear();
        const { job } = this;
        this.job = undefined;
        const { reason, message } = this.death ?? {
          reason: 'crashed' as const,
          message: 'the parser died of this input',
        };
        job?.reject(new TaskFailed(reason, message));
        onGone(this);
        resolve();
      };
      this.process.once('exit', end);
      this.process.once('error', end);
    });
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  get isFree(): boolean {
    return this.job === undefined && this.death === undefined;
  }

  take(job: Job): void {
    clearTimeout(this.idle);
    this.job = job;
    this.jobId++;
    if (this.isReady) this.setDeadline(job);
    else this.deadline = setTimeout(() => void this.kill('crashed', 'the parser did not start'), START_MS);
    this.watch = setInterval(() => void this.checkMemory(), RSS_CHECK_MS);
    job.signal?.addEventListener('abort', this.onAbort, { once: true });
    this.process.send({ id: this.jobId, task: job.task, input: job.input }, (error) => {
      if (error) void this.kill('crashed', 'the parser could not be reached');
    });
  }

  kill(reason: TaskFailed['reason'], message: string): Promise<void> {
    this.death ??= { reason, message };
    this.process.kill('SIGKILL');
    return this.gone;
  }

  private begin(): void {
    this.isReady = true;
    if (!this.job) return;
    clearTimeout(this.deadline);
    this.setDeadline(this.job);
  }

  private setDeadline({ timeoutMs }: Job): void {
    this.deadline = setTimeout(() => void this.kill('timeout', `took longer than ${timeoutMs} ms`), timeoutMs);
  }

  private readonly onAbort = (): void => {
    void this.kill('cancelled', 'the work was cancelled');
  };

  private settle(reply: TaskReply): void {
    const { job } = this;
    if (!job || reply.id !== this.jobId) return;
    this.clear();
    job.signal?.removeEventListener('abort', this.onAbort);
    this.job = undefined;
    if ('error' in reply) job.reject(new TaskFailed('failed', reply.error));
    else job.resolve(reply.output);
    this.idle = setTimeout(() => void this.kill('cancelled', 'idle'), this.options.idleMs);
    this.idle.unref();
    this.onFree();
  }

  private clear(): void {
    clearTimeout(this.deadline);
    clearInterval(this.watch);
    clearTimeout(this.idle);
  }

  /** Linux tells the resident pages; elsewhere the heap limit alone holds. */
  private async checkMemory(): Promise<void> {
    const statm = await readFile(`/proc/${this.pid}/statm`, 'utf8').catch(() => '');
    const residentMb = (Number(statm.split(' ')[1] ?? 0) * PAGE_BYTES) / 1_048_576;
    if (residentMb > this.options.maxRssMb) void this.kill('memory', `took more than ${this.options.maxRssMb} MB`);
  }
}
