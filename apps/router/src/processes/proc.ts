import { readdir, readFile } from 'node:fs/promises';

/** What `/proc/<pid>/stat` says of one process. */
export interface ProcessStat {
  pid: number;
  group: number;
  /** `Z` is a zombie: dead, not yet waited for. */
  state: string;
  cpuMs: number;
  rssBytes: number;
}

const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** @returns undefined when the process is gone, or on systems without /proc */
export async function readStat(pid: number): Promise<ProcessStat | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {
      pid,
      state: fields[0] ?? '?',
      group: Number(fields[2]),
      cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND,
      rssBytes: Number(fields[21]) * PAGE_BYTES,
    };
  } catch {
    return undefined;
  }
}

export async function listPids(): Promise<number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Living processes whose environment holds any of the marks (`NAME=value`). */
export async function findMarked(marks: readonly string[]): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await listPids()) {
    if (pid === process.pid) continue;
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (environ && marks.some((mark) => environ.includes(mark))) found.push(pid);
  }
  return found;
}
