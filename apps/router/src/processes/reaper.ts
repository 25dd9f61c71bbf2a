import { randomUUID } from 'node:crypto';
import { Cgroups, type CgroupPlace } from './cgroups';
import { findMarked, listPids, readStat } from './proc';
import { CHILD_MARK } from './process-group';
import { Warden } from './warden';

const SWEEP_DELAY_MS = 200;
const MEMORY_CHECK_MS = 1_000;

export interface GroupUsage {
  rssBytes: number;
  cpuMs: number;
}

/**
 * Sees to it that no process of a server outlives its connection or the router: knows the living groups, tells the
 * warden, kills what left its group, and ends groups that use more memory than they may.
 */
export class Reaper {
  /** In the environment of every child. */
  readonly environment: Record<string, string>;
  private readonly warden: Warden;
  private readonly groups = new Map<number, number | undefined>();
  private readonly ended = new Set<string>();
  private readonly tooLarge = new Set<number>();
  /** Where children get groups of cgroup v2; undefined where that is not possible. */
  readonly cgroups: Cgroups | undefined;
  private sweepTimer: NodeJS.Timeout | undefined;
  private readonly memoryTimer: NodeJS.Timeout;

  /** @param onMemoryKill hears of a group that was ended for its memory */
  constructor(
    private readonly onMemoryKill: (group: number, rssBytes: number) => void = () => undefined,
    place: CgroupPlace = {},
  ) {
    const owner = randomUUID();
    this.environment = { MCPR_OWNER: owner };
    this.cgroups = Cgroups.open(owner.slice(0, 8), place);
    this.warden = new Warden(`MCPR_OWNER=${owner}`, this.cgroups?.prefix);
    this.memoryTimer = setInterval(() => void this.checkMemory(), MEMORY_CHECK_MS).unref();
  }

  get wardenPid(): number | undefined {
    return this.warden.pid;
  }

  add(group: number, memoryMb: number | undefined): void {
    this.groups.set(group, memoryMb);
    this.warden.add(group);
  }

  /** The group has been killed; what carried its mark and left it is looked for soon. */
  remove(group: number, mark: string): void {
    this.tooLarge.delete(group);
    if (!this.groups.delete(group)) return;
    this.warden.remove(group);
    this.ended.add(`${CHILD_MARK}=${mark}`);
    this.sweepTimer ??= setTimeout(() => void this.sweep(), SWEEP_DELAY_MS);
  }

  /** Whether a living group is being ended because it used more memory than it may. */
  endedForMemory(group: number): boolean {
    return this.tooLarge.has(group);
  }

  async close(): Promise<void> {
    clearInterval(this.memoryTimer);
    clearTimeout(this.sweepTimer);
    await this.sweep();
    this.warden.close();
  }

  private async sweep(): Promise<void> {
    this.sweepTimer = undefined;
    const marks = [...this.ended];
    this.ended.clear();
    if (marks.length === 0) return;
    for (const pid of await findMarked(marks)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
  }

  /** Resident memory and CPU of each of the given groups, all their processes together. */
  async usage(groups: readonly number[]): Promise<Map<number, GroupUsage>> {
    const usage = new Map<number, GroupUsage>();
    if (groups.length === 0) return usage;
    const wanted = new Set(groups);
    for (const pid of await listPids()) {
      const stat = await readStat(pid);
      if (!stat || !wanted.has(stat.group)) continue;
      const sum = usage.get(stat.group) ?? { rssBytes: 0, cpuMs: 0 };
      usage.set(stat.group, { rssBytes: sum.rssBytes + stat.rssBytes, cpuMs: sum.cpuMs + stat.cpuMs });
    }
    return usage;
  }

  private async checkMemory(): Promise<void> {
    const bounded = [...this.groups].filter((entry): entry is [number, number] => entry[1] !== undefined);
    const usage = await this.usage(bounded.map(([group]) => group));
    for (const [group, limitMb] of bounded) {
      const rss = usage.get(group)?.rssBytes ?? 0;
      if (rss <= limitMb * 1024 * 1024 || !this.groups.has(group)) continue;
      this.tooLarge.add(group);
      this.onMemoryKill(group, rss);
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
  }
}
