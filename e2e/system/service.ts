import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const ROOT = join(__dirname, '../..');

/** How much of the end of a service's log is kept for the message of a failed start. */
const LOG_TAIL = 16_384;

/** One process of one app, started from its bundle. */
export class Service {
  private child: ChildProcess | undefined;
  private output = '';

  constructor(
    readonly app: string,
    private readonly env: Record<string, string>,
    /** Where it answers HTTP, for a gateway. */
    readonly url?: string,
  ) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** All that it has logged, over all its starts. */
  get log(): string {
    return this.output;
  }

  /** Starts it and waits until it says that it is ready. @throws Error with the end of its log when it ends before */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [join(ROOT, 'dist/apps', this.app, 'main.mjs')], {
      cwd: ROOT,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    await new Promise<void>((resolve, reject) => {
      const ended = (code: number | null, signal: string | null) =>
        reject(
          new Error(`${this.app} ended (${code ?? signal}) before it was ready:\n${this.output.slice(-LOG_TAIL)}`),
        );
      child.once('exit', ended).once('error', reject);
      child.on('message', (message: { type?: string }) => {
        if (message.type !== 'ready') return;
        child.off('exit', ended);
        resolve();
      });
    });
  }

  /** Ends it with a signal (kill -9 unless told otherwise) and waits until it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Ends it in good order; kills it when that takes longer than `withinMs`. */
  async stop(withinMs = 10_000): Promise<void> {
    const late = setTimeout(() => void this.kill(), withinMs);
    await this.kill('SIGTERM');
    clearTimeout(late);
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }
}
