/** What a call needs of an `AbortSignal`, which is one. */
export interface Cancellation {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/**
 * What an `AbortController` is to others, for one call. Node's is an event target with two tables inside, which survives
 * the collection after its call: a call through a server's connection takes a third less time without it.
 */
export class CallCancellation implements Cancellation {
  private over = false;
  private listeners: (() => void)[] = [];

  get aborted(): boolean {
    return this.over;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners.push(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const at = this.listeners.indexOf(listener);
    if (at >= 0) this.listeners.splice(at, 1);
  }

  /** Calls each listener once, the first time. */
  abort(): void {
    if (this.over) return;
    this.over = true;
    const { listeners } = this;
    this.listeners = [];
    for (const listener of listeners) listener();
  }
}

/** For what takes nothing less than an `AbortSignal`. */
export function asAbortSignal(cancellation: Cancellation): AbortSignal {
  if (cancellation instanceof AbortSignal) return cancellation;
  const controller = new AbortController();
  if (cancellation.aborted) controller.abort();
  else cancellation.addEventListener('abort', () => controller.abort(), { once: true });
  return controller.signal;
}
