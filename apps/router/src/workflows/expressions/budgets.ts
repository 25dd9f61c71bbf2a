import { ExpressionFault } from './syntax';
import type { Budget } from './values';

/** Thrown when an evaluation outgrows the event loop; it starts again in a worker. Expressions have no effects, so it may. */
export class Outgrown extends Error {
  constructor() {
    super('The expression needs more work than the event loop gives');
  }
}

/** What may be done on the event loop: about a millisecond. */
export class InlineBudget implements Budget {
  private ticks = 20_000;
  private size = 500_000;

  tick(): void {
    this.ticks -= 1;
    if (this.ticks < 0) throw new Outgrown();
  }

  build(size: number): void {
    this.size -= size;
    if (this.size < 0) throw new Outgrown();
    this.tick();
  }
}

/** Work is looked at this often, in ticks. */
const STRIDE = 1_024;
/** The most that counts as time of the evaluation between two looks; the rest the machine gave to others. */
const LONGEST_STRIDE_MS = 1;

/** What may be done in a worker: a time of its own and an amount of text and elements. */
export class WorkerBudget implements Budget {
  private ticks = 0;
  private spentMs = 0;
  private last = performance.now();
  private size: number;

  constructor(
    private readonly timeoutMs: number,
    private readonly maxSize: number,
  ) {
    this.size = maxSize;
  }

  tick(): void {
    this.ticks += 1;
    if (this.ticks % STRIDE !== 0) return;
    const now = performance.now();
    this.spentMs += Math.min(now - this.last, LONGEST_STRIDE_MS);
    this.last = now;
    if (this.spentMs > this.timeoutMs)
      throw new ExpressionFault('limit', `The expression took longer than ${this.timeoutMs} ms`);
  }

  build(size: number): void {
    this.size -= size;
    if (this.size < 0 || Number.isNaN(this.size))
      throw new ExpressionFault('limit', `The expression builds more than ${this.maxSize} characters and elements`);
    this.tick();
  }
}
