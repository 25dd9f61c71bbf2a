import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { Json, JsonObject } from '../../definition/json';
import { parseWorkflow } from '../../definition/parse';
import { Expressions } from '../../expressions/evaluate';
import { Fenced, type Batch, type Projection } from '../committer';
import type { RunEvent } from '../event';
import { RUN_LIMITS, type Effect, type RunLimits } from '../host';
import { LiveRun } from '../live-run';
import type { RunRow } from '../run-store';

const expressions = new Expressions();

export interface MemoryOptions {
  input?: Json;
  /** What calls give; `mark` of the arguments by default. */
  perform?: (effect: Effect) => Json | Promise<Json>;
  isRepeatable?: boolean;
  secrets?: JsonObject;
  limits?: Partial<RunLimits>;
}

/** What the world would see of a run, and its history, with a clock that jumps to the next timer. */
export class MemoryRun {
  readonly events: RunEvent[] = [];
  /** Marks of the effects that were begun, in order. */
  readonly effects: string[] = [];
  row: RunRow;
  last: Projection | undefined;
  /** The process that owns it was told to stop. */
  isDraining = false;
  private clock = Date.UTC(2026, 0, 1);
  private readonly definition;

  constructor(
    definition: JsonObject | string,
    private readonly options: MemoryOptions = {},
  ) {
    const { workflow, faults } = parseWorkflow(definition);
    if (!workflow || faults.length > 0) throw new Error(JSON.stringify(faults));
    this.definition = {
      workflow,
      expressions,
      limits: { ...RUN_LIMITS, ...options.limits },
      secrets: options.secrets ?? {},
    };
    const at = new Date(this.clock);
    this.row = {
      id: '01a20000-0000-7000-8000-000000000000',
      version_id: '',
      ...workflow.document,
      state: 'running',
      epoch: 1,
      principal: SYSTEM_PRINCIPAL,
      input: options.input ?? {},
      output: null,
      error: null,
      parent_run: null,
      parent_path: null,
      traceparent: null,
      next_wake_at: null,
      created_at: at,
      updated_at: at,
      ended_at: null,
    };
  }

  /**
   * Owns the run until it ends, waits, or the process is "killed": at the write number `killAt` the batch is lost, or
   * with `isWritten` only what would have come after it.
   */
  live(killAt = Infinity, isWritten = false): Promise<'ended' | 'parked' | 'fenced' | 'failed'> {
    let writes = 0;
    let isDead = false;
    const commit = (batch: Batch): Promise<void> => {
      writes++;
      if (isDead) return Promise.reject(new Fenced(batch.runId));
      if (writes === killAt) isDead = true;
      if (!isDead || isWritten) this.store(batch);
      return isDead ? Promise.reject(new Fenced(batch.runId)) : Promise.resolve();
    };
    const row = { ...this.row };
    return new Promise((resolve) => {
      const run = new LiveRun(row, this.definition, structuredClone(this.events), {
        commit,
        isRepeatable: () => this.options.isRepeatable ?? true,
        perform: async (effect) => {
          const args = effect.kind === 'call' ? effect.args : {};
          this.effects.push(typeof args['mark'] === 'string' ? args['mark'] : effect.kind);
          return (await this.options.perform?.(effect)) ?? args;
        },
        now: () => this.clock,
        isDraining: () => this.isDraining,
        cancelChildren: () => Promise.resolve(),
        onLeft: (_, why) => resolve(why),
      });
      run.start();
    });
  }

  /** Owns it again and again, passing over waits, until it ends. */
  async finish(kills: { at: number; isWritten: boolean }[] = []): Promise<Projection | undefined> {
    const left = [...kills];
    for (let turns = 0; turns < 1_000 && !this.last?.ended; turns++) {
      const kill = left.shift();
      await this.live(kill?.at, kill?.isWritten);
      const due = this.last?.nextWakeAt;
      if (due != null && due > this.clock) this.clock = due;
    }
    return this.last;
  }

  private store({ events, projection }: Batch): void {
    this.events.push(...structuredClone(events));
    if (projection) this.last = projection;
  }
}
