import type { Cgroup } from './cgroups';

export interface Limits {
  memoryMb: number | undefined;
  /** CPU time that a process may use up in its life. */
  cpuSeconds: number | undefined;
  /** How many cores it may use at a time; kept to by cgroup v2 alone. */
  cpuCores?: number | undefined;
}

// "$@" keeps the command and its arguments out of the script: nothing of them is ever parsed by the shell.
const SCRIPT = `if [ "$1" != - ] && echo $$ > "$1"; then [ "$3" = - ] || ulimit -d "$3"
else [ "$2" = - ] || ulimit -d "$2"; fi
[ "$4" = - ] || ulimit -t "$4"; shift 4; exec "$@"`;

/** Of a Node process about this much private memory is reserved but not used (thread stacks, code ranges). */
const RESERVE_KB = 512 * 1024;

/**
 * The command behind a shell that joins its cgroup and sets its limits before it becomes the command.
 *
 * Memory is bounded by the cgroup. Without one `RLIMIT_DATA` is the hard wall: twice the limit and a reserve, since it
 * counts what is reserved and not what is used; the reaper ends a group whose resident memory passes the limit. CPU
 * time is bounded by `RLIMIT_CPU`.
 */
export function limited(
  command: string,
  args: readonly string[],
  { memoryMb, cpuSeconds }: Limits,
  cgroup?: Cgroup,
): { command: string; args: string[] } {
  if ((memoryMb === undefined && cpuSeconds === undefined && !cgroup) || process.platform === 'win32')
    return { command, args: [...args] };
  const wall = memoryMb === undefined ? '-' : String(memoryMb * 1024 * 2 + RESERVE_KB);
  const script = [cgroup?.procs ?? '-', wall, cgroup?.boundsMemory === true ? '-' : wall, String(cpuSeconds ?? '-')];
  return { command: '/bin/sh', args: ['-c', SCRIPT, 'mcp-router-limits', ...script, command, ...args] };
}
