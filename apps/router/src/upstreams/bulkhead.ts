import { AppError } from '@mcp-router/shared';
import type { Cancellation } from './cancellation';

interface Waiter {
  enter(): void;
  signal: Cancellation;
  onAbort: () => void;
}

/** At most `limit` calls at once, at most `queueLimit` waiting; more are refused at once. */
export class Bulkhead {
  private active = 0;
  private readonly queue = new Set<Waiter>();

  constructor(
    private readonly limit: number,
    private readonly queueLimit: number,
  ) {}

  get inFlight(): number {
    return this.active;
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    return this.queue.size;
  }

  /** Takes a place if one is free. */
  tryEnter(): boolean {
    if (this.active >= this.limit) return false;
    this.active++;
    return true;
  }

  /** Waits for a place. @throws AppError `upstream_overloaded`, `cancelled` */
  enter(signal: Cancellation): Promise<void> {
    if (this.tryEnter()) return Promise.resolve();
    if (this.queue.size >= this.queueLimit) {
      return Promise.reject(
        new AppError('upstream_overloaded', `${this.active} calls are in flight and ${this.queue.size} wait`, {
          hint: 'Try again in a moment, or raise "maxConcurrency" of this server',
        }),
      );
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        signal,
        enter: () => {
          signal.removeEventListener('abort', waiter.onAbort);
          resolve();
        },
        onAbort: () => {
          this.queue.delete(waiter);
          reject(new AppError('cancelled', 'The call was cancelled before it started'));
        },
      };
      signal.addEventListener('abort', waiter.onAbort, { once: true });
      this.queue.add(waiter);
    });
  }

  leave(): void {
    for (const next of this.queue) {
      this.queue.delete(next);
      next.enter();
      return;
    }
    this.active--;
  }
}
