import type { Json, JsonObject } from '../definition/json';
import type { CallTask } from '../definition/workflow';
import type { EventBody } from './event';

/** An effect of a workflow on the world. */
export type Effect =
  | {
      kind: 'call';
      task: CallTask;
      args: JsonObject;
      input: Json;
      /** What the history says instead of the arguments: these may hold secrets, or what it says already. */
      shown?: Json;
      /** One of the several effects that the call consists of. */
      step?: 'operation' | 'turn';
    }
  | { kind: 'emit'; event: JsonObject }
  | { kind: 'run'; workflow: { namespace: string; name: string; version: string; input: Json } };

export interface EffectContext {
  /** The same for every attempt of the same place of the same run. */
  key: string;
  path: string;
  attempt: number;
  signal: AbortSignal;
}

/** What the interpreter needs of the world; in tests it is a few lines of memory. */
export interface RunHost {
  /** Adds an event to the history; written soon, in order. */
  append(body: EventBody): void;
  /** Resolves when all that was appended is stored. Rejects when this process is not the owner of the run any more. */
  stored(): Promise<void>;
  /** Whether doing it twice is as good as once. */
  isRepeatable(effect: Effect): boolean;
  perform(effect: Effect, context: EffectContext): Promise<Json>;
  /** Effects in flight end here; what comes after them is begun elsewhere. */
  readonly isDraining?: boolean;
}

/** Bounds of one run. */
export interface RunLimits {
  /** Rounds of one loop, and visits of one task by `then`. */
  maxIterations: number;
  maxPayloadBytes: number;
  maxEvents: number;
  /** How long a run may wait for one thing. */
  maxWaitMs: number;
}

export const RUN_LIMITS: RunLimits = {
  maxIterations: 10_000,
  maxPayloadBytes: 1_048_576,
  maxEvents: 50_000,
  maxWaitMs: 30 * 86_400_000,
};
