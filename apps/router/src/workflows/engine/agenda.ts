import type { EffectRecord } from './event';
import type { EventStrategy } from '../definition/workflow';
import type { Json } from '../definition/json';

/** One sequence of tasks in a run; forks and time limits open others inside it. */
export class Strand {
  /** Time of the last thing this strand learnt from the history, in epoch milliseconds: the only clock it has. */
  clock: number;
  /** `$context`. */
  context: Json;
  /** When the innermost time limit around it ends it. */
  readonly deadline: number;
  isCancelled = false;
  readonly ended = new AbortController();
  private readonly children = new Set<Strand>();

  constructor(start: { clock: number; context: Json }, deadline = Infinity) {
    this.clock = start.clock;
    this.context = start.context;
    this.deadline = deadline;
  }

  open(deadline = Infinity): Strand {
    const child = new Strand(this, Math.min(deadline, this.deadline));
    this.children.add(child);
    return child;
  }

  close(child: Strand): void {
    this.children.delete(child);
  }

  /** Nothing in it goes on, and what it has in flight is told so. */
  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    for (const child of this.children) child.cancel();
    this.ended.abort();
  }
}

/** What a strand waits for. */
export type Block =
  | { kind: 'effect' }
  | { kind: 'timer'; due: number }
  | { kind: 'uncertain'; path: string; effect: EffectRecord }
  | { kind: 'approval'; path: string; sensitive: boolean }
  | { kind: 'listen'; path: string; strategy: EventStrategy; matches: (event: Json) => Promise<boolean> | boolean }
  | { kind: 'child'; path: string; runId: string }
  | { kind: 'suspended' };

interface Entry {
  strand: Strand;
  block: Block;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/**
 * What the strands of one run wait for. Between two events a run computes until every strand waits: `onQuiet` is called
 * then, so that timers that are due go off one at a time, in the order of their times, whenever they are looked at.
 */
export class Agenda {
  private readonly entries = new Set<Entry>();
  private isStirred = false;
  private evaluations = 0;
  private isClosed = false;

  constructor(private readonly onQuiet: () => void) {}

  /** Waits; never settles when the strand is cancelled. */
  wait<T>(strand: Strand, block: Block): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.entries.add({ strand, block, resolve, reject });
      this.stir();
    });
  }

  /** Counts work that is neither waiting nor done: an evaluation in another thread. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.evaluations++;
    try {
      return await work;
    } finally {
      this.evaluations--;
      this.stir();
    }
  }

  /** What is waited for now, by strands that still go on. */
  blocks(): Block[] {
    return this.live().map(({ block }) => block);
  }

  find<K extends Block['kind']>(kind: K, path: string): Extract<Block, { kind: K }> | undefined {
    for (const { block } of this.live())
      if (block.kind === kind && 'path' in block && block.path === path) return block as Extract<Block, { kind: K }>;
    return undefined;
  }

  settle(block: Block, outcome: { value: unknown } | { error: unknown }): void {
    for (const entry of this.entries) {
      if (entry.block !== block) continue;
      this.entries.delete(entry);
      if (!entry.strand.isCancelled) {
        if ('error' in outcome) entry.reject(outcome.error);
        else entry.resolve(outcome.value as never);
      }
      this.stir();
      return;
    }
  }

  /** Looks, once all that can go on has, whether everything waits. */
  stir(): void {
    if (this.isStirred || this.isClosed) return;
    this.isStirred = true;
    setImmediate(() => {
      this.isStirred = false;
      if (this.evaluations === 0 && !this.isClosed) this.onQuiet();
    });
  }

  close(): void {
    this.isClosed = true;
    this.entries.clear();
  }

  private live(): Entry[] {
    for (const entry of this.entries) if (entry.strand.isCancelled) this.entries.delete(entry);
    return [...this.entries];
  }
}
