/**
 * How long this process stood still: whoever looks at a clock regularly, and finds that much more time has passed, was
 * not running, and could hear no one. That time must not count against others: on a machine that stood still as a
 * whole, all of them are as alive as before.
 */
export class Standstill {
  private lookedAt = Infinity;

  /** @param everyMs how often `since` is called by a process that runs well */
  constructor(private readonly everyMs: number) {}

  /** Milliseconds that went by since the last call beyond twice the time between two calls. */
  since(now: number): number {
    const beyond = Math.max(0, now - this.lookedAt - 2 * this.everyMs);
    this.lookedAt = now;
    return beyond;
  }
}
