import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Cgroup } from './cgroups';
import { limited, type Limits } from './limits';
import type { Reaper } from './reaper';

/** Names a child's descendants in their environment, also those that left its process group. */
export const CHILD_MARK = 'MCPR_CHILD';

export interface LaunchOptions {
  command: string;
  args: readonly string[];
  env: Record<string, string>;
  cwd: string | undefined;
  limits: Limits;
}

const STDIN_GRACE_MS = 700;
const TERM_GRACE_MS = 800;

/** A child in a process group of its own. Whatever ends, the whole group ends, and the reaper looks for what left it. */
export class ProcessGroup {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with what happened when the first process of the group is gone. */
  readonly exited: Promise<string>;
  private readonly mark = randomUUID();
  private readonly cgroup: Cgroup | undefined;
  private hasExited = false;
  private stopping: Promise<void> | undefined;

  /** @param reaper hears of the group before the child can do anything */
  constructor(
    options: LaunchOptions,
    private readonly reaper: Reaper,
  ) {
    const { limits } = options;
    this.cgroup = reaper.cgroups?.create(limits);
    const { command, args } = limited(options.command, options.args, limits, this.cgroup);
    this.child = spawn(command, args, {
      env: { ...options.env, [CHILD_MARK]: this.mark, ...reaper.environment },
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      windowsHide: true,
    });
    if (this.child.pid !== undefined) reaper.add(this.child.pid, limits.memoryMb);
    // Writing to a child that is gone is reported by its exit.
    this.child.stdin.on('error', () => undefined);
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error: NodeJS.ErrnoException) => {
        this.hasExited = true;
        this.cgroup?.end();
        resolve(startFault(options, error));
      });
      this.child.once('exit', (code, signal) => {
        this.hasExited = true;
        const tooLarge = this.cgroup?.ranOutOfMemory === true || reaper.endedForMemory(this.child.pid ?? 0);
        this.end();
        if (tooLarge) resolve(`The process used more than ${limits.memoryMb ?? 0} MB of memory and was ended`);
        else resolve(signal ? `The process was ended by ${signal}` : `The process exited with code ${code ?? 0}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Closes stdin, then SIGTERM, then SIGKILL to the group; resolves when the group is gone. */
  stop(): Promise<void> {
    return (this.stopping ??= this.stopSteps());
  }

  private async stopSteps(): Promise<void> {
    this.child.stdin.end();
    if (!(await this.exitsWithin(STDIN_GRACE_MS))) {
      this.signal('SIGTERM');
      if (!(await this.exitsWithin(TERM_GRACE_MS))) this.signal('SIGKILL');
      await this.exited;
    }
    this.end();
  }

  /** What is left of the group when its first process is gone is killed: a wrapper's child, a fork. */
  private end(): void {
    this.signal('SIGKILL');
    this.cgroup?.end();
    this.child.stdin.destroy();
    this.child.stdout.destroy();
    this.child.stderr.destroy();
    if (this.child.pid !== undefined) this.reaper.remove(this.child.pid, this.mark);
  }

  private signal(signal: NodeJS.Signals): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, signal);
    } catch {
      // The group is gone.
    }
  }

  private async exitsWithin(ms: number): Promise<boolean> {
    if (this.hasExited) return true;
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ms);
    });
    const exited = await Promise.race([this.exited.then(() => true), waited]);
    clearTimeout(timer);
    return exited;
  }
}

function startFault({ command, cwd }: LaunchOptions, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT')
    return cwd === undefined
      ? `The command "${command}" was not found`
      : `The command "${command}" was not found, or the folder "${cwd}" does not exist`;
  if (error.code === 'EACCES') return `The command "${command}" may not be executed`;
  return `The command "${command}" could not be started (${error.code ?? error.message})`;
}
