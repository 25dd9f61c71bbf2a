let deadlineAt: number | undefined;

/** The process was told to stop; its work in flight has this long. Called once, by the boot. */
export function beginStopping(timeoutMs: number): void {
  deadlineAt ??= Date.now() + timeoutMs;
}

/** Whether nothing new should be begun in this process. */
export function isStopping(): boolean {
  return deadlineAt !== undefined;
}

/** How long work in flight may still take; 0 when the process was not told to stop. */
export function msToStop(): number {
  return deadlineAt === undefined ? 0 : Math.max(0, deadlineAt - Date.now());
}
