import type { ChildProcess } from 'node:child_process';

export function start(
  command: string,
  args: readonly string[],
  env?: Record<string, string>,
): Promise<{ child: ChildProcess; url: string }>;
export function treeOf(pid: number): number[];
export function cpuMs(pids: readonly number[]): number;
export function cpuMsOfTree(pid: number): number;
export function rssBytes(pids: readonly number[]): number;
