import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Limits } from './limits';

const CONTROLLERS = ['memory', 'cpu'] as const;
type Controller = (typeof CONTROLLERS)[number];

const PREFIX = 'mcpr-';
/** Where this process goes, since a group with processes of its own cannot pass controllers on. */
const OWN_LEAF = 'mcp-router';
const CPU_PERIOD_US = 100_000;
/** A group can be removed when the kernel has reaped its last process. */
const REMOVE_TRIES_MS = [20, 100, 500, 2_000, 10_000];

export interface CgroupPlace {
  /** A folder that was delegated to us; found by itself if absent. */
  parent?: string | undefined;
  /** Where cgroup v2 is mounted. */
  root?: string;
  /** What says in which group this process is. */
  self?: string;
}

/**
 * The groups of cgroup v2 that the children of this router get, one each.
 *
 * A group bounds memory and CPU of all descendants together, and ends them whether or not they left their process group.
 */
export class Cgroups {
  private count = 0;

  private constructor(
    private readonly parent: string,
    private readonly owner: string,
    private readonly controllers: ReadonlySet<Controller>,
  ) {}

  /**
   * Finds a folder that may be written to: the one that is named, or this process' own group when nobody else is in it
   * (a container with its own namespace, a systemd unit with `Delegate=yes`).
   *
   * @param owner in the names of the groups: those of other routers are left alone
   * @returns undefined where there is none; limits are then left to `setrlimit` and the reaper
   */
  static open(
    owner: string,
    { parent, root = '/sys/fs/cgroup', self = '/proc/self/cgroup' }: CgroupPlace = {},
  ): Cgroups | undefined {
    try {
      const folder = parent ?? ownGroup(root, self);
      if (folder === undefined) return undefined;
      const available = wordsOf(join(folder, 'cgroup.controllers'));
      const wanted = CONTROLLERS.filter((name) => available.includes(name));
      if (wanted.length === 0 && parent === undefined) return undefined;
      if (parent === undefined) stepAside(folder);
      const passed = wordsOf(join(folder, 'cgroup.subtree_control'));
      const missing = wanted.filter((name) => !passed.includes(name));
      if (missing.length > 0)
        writeFileSync(join(folder, 'cgroup.subtree_control'), missing.map((name) => `+${name}`).join(' '));
      const cgroups = new Cgroups(folder, owner, new Set(wanted));
      cgroups.sweep();
      return cgroups;
    } catch {
      // Read-only, not ours, or taken: all the same for us.
      return undefined;
    }
  }

  /** What the folders of this router's groups begin with. */
  get prefix(): string {
    return join(this.parent, `${PREFIX}${this.owner}-`);
  }

  /** A new group with these limits; undefined when it cannot be made. */
  create({ memoryMb, cpuCores }: Limits): Cgroup | undefined {
    const path = `${this.prefix}${++this.count}`;
    try {
      mkdirSync(path);
      const boundsMemory = this.controllers.has('memory') && memoryMb !== undefined;
      if (boundsMemory) {
        writeFileSync(join(path, 'memory.max'), String(memoryMb * 1024 * 1024));
        writeFileSync(join(path, 'memory.oom.group'), '1');
        // Where there is no swap accounting there is no such file.
        if (existsSync(join(path, 'memory.swap.max'))) writeFileSync(join(path, 'memory.swap.max'), '0');
      }
      const boundsCpu = this.controllers.has('cpu') && cpuCores !== undefined;
      if (boundsCpu)
        writeFileSync(
          join(path, 'cpu.max'),
          `${Math.max(1_000, Math.round(cpuCores * CPU_PERIOD_US))} ${CPU_PERIOD_US}`,
        );
      return new Cgroup(path, boundsMemory, boundsCpu);
    } catch {
      remove(path);
      return undefined;
    }
  }

  /** Removes what routers left that are no more; a group with processes in it stays. */
  private sweep(): void {
    for (const name of readdirSync(this.parent)) if (name.startsWith(PREFIX)) remove(join(this.parent, name));
  }
}

/** The group of one child and all its descendants. */
export class Cgroup {
  constructor(
    private readonly path: string,
    /** Whether the kernel keeps to the limits, so that nobody else has to. */
    readonly boundsMemory: boolean,
    readonly boundsCpu: boolean,
  ) {}

  /** The file that a process joins by, with its id. */
  get procs(): string {
    return join(this.path, 'cgroup.procs');
  }

  /** Whether the kernel ended it because it used more memory than it may. */
  get ranOutOfMemory(): boolean {
    try {
      return /^oom_kill [1-9]/m.test(readFileSync(join(this.path, 'memory.events'), 'utf8'));
    } catch {
      return false;
    }
  }

  /** Ends every process in it, and removes it as soon as that is possible. */
  end(): void {
    try {
      writeFileSync(join(this.path, 'cgroup.kill'), '1');
    } catch {
      // Before Linux 5.14 there is no such file: the process group is ended, and the marks are looked for.
    }
    this.removeSoon(0);
  }

  private removeSoon(attempt: number): void {
    const wait = REMOVE_TRIES_MS[attempt];
    if (remove(this.path) || wait === undefined) return;
    setTimeout(() => this.removeSoon(attempt + 1), wait).unref();
  }
}

/** The folder of this process' group, if nobody else is in it. */
function ownGroup(root: string, self: string): string | undefined {
  const path = /^0::(.*)$/m.exec(readFileSync(self, 'utf8'))?.[1];
  if (path === undefined) return undefined;
  const folder = join(root, path);
  const inIt = wordsOf(join(folder, 'cgroup.procs'));
  return inIt.every((pid) => pid === String(process.pid)) ? folder : undefined;
}

function stepAside(folder: string): void {
  const leaf = join(folder, OWN_LEAF);
  mkdirSync(leaf, { recursive: true });
  writeFileSync(join(leaf, 'cgroup.procs'), String(process.pid));
}

function wordsOf(file: string): string[] {
  return readFileSync(file, 'utf8').split(/\s+/).filter(Boolean);
}

/** @returns whether it is gone */
function remove(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
