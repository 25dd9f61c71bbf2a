const FAILURES_TO_OPEN = 5;
const LOSSES_TO_OPEN = 3;
const LOSS_WINDOW_MS = 30_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/**
 * Whether a server may be bothered. Opens at once when no connection can be made, and after a few calls in a row that
 * the server did not answer; closes when a probe gets through.
 */
export class Circuit {
  lastError: string | null = null;
  /** When the next probe is due; null while closed. */
  nextRetryAt: Date | null = null;
  private failures = 0;
  private losses: number[] = [];
  private attempts = 0;

  constructor(private readonly random: () => number = Math.random) {}

  get isOpen(): boolean {
    return this.nextRetryAt !== null;
  }

  /** Calls have failed lately, but not so many that it opened. */
  get isShaky(): boolean {
    return this.failures > 0;
  }

  /** A call that the server did not answer. @returns true when the circuit opened */
  countFailure(reason: string): boolean {
    this.lastError = reason;
    this.failures++;
    if (this.isOpen || this.failures < FAILURES_TO_OPEN) return false;
    this.open(reason);
    return true;
  }

  /** A connection that was up is gone. A few times a new one is made at once, then it is waited. @returns true when it opened */
  countLoss(reason: string): boolean {
    const now = Date.now();
    this.lastError = reason;
    this.losses = [...this.losses.filter((at) => now - at < LOSS_WINDOW_MS), now];
    if (this.losses.length < LOSSES_TO_OPEN) return false;
    this.open(reason);
    return true;
  }

  /** No connection could be made, or a probe failed. */
  open(reason: string): void {
    this.lastError = reason;
    this.nextRetryAt = new Date(Date.now() + this.wait(this.attempts++));
  }

  /** A connection was made or a probe answered: calls may go again, but waits stay long until one succeeds. */
  close(): void {
    this.nextRetryAt = null;
    this.failures = 0;
  }

  /** A call succeeded, or a connection held. */
  succeed(): void {
    this.failures = 0;
    this.attempts = 0;
    this.lastError = null;
  }

  reset(): void {
    this.losses = [];
    this.close();
    this.succeed();
  }

  /** Exponential with jitter: replicas that lost the same server do not come back in step. */
  private wait(attempt: number): number {
    const full = Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);
    return full / 2 + (full / 2) * this.random();
  }
}
