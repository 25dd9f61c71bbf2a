export interface Limits {
  memoryMb: number | undefined;
  cpuSeconds: number | undefined;
}

// "$@" keeps the command and its arguments out of the script: nothing of them is ever parsed by the shell.
const SCRIPT = '[ "$1" = - ] || ulimit -d "$1"; [ "$2" = - ] || ulimit -t "$2"; shift 2; exec "$@"';

/** Of a Node process about this much private memory is reserved but not used (thread stacks, code ranges). */
const RESERVE_KB = 512 * 1024;

/**
 * The command behind `setrlimit`: `RLIMIT_DATA` as the hard wall (twice the limit and a reserve, since it counts what
 * is reserved and not what is used; the reaper ends a group whose resident memory passes the limit) and `RLIMIT_CPU`.
 */
export function limited(
  command: string,
  args: readonly string[],
  { memoryMb, cpuSeconds }: Limits,
): { command: string; args: string[] } {
  if ((memoryMb === undefined && cpuSeconds === undefined) || process.platform === 'win32')
    return { command, args: [...args] };
  const dataKb = memoryMb === undefined ? '-' : String(memoryMb * 1024 * 2 + RESERVE_KB);
  const cpu = cpuSeconds === undefined ? '-' : String(cpuSeconds);
  return { command: '/bin/sh', args: ['-c', SCRIPT, 'mcp-router-limits', dataKb, cpu, command, ...args] };
}
