import type { Json } from '../definition/json';
import type { Resolution, WorkflowError } from './event';

/** What others tell a run; its owner takes it into the history. */
export type Signal =
  | { kind: 'cancel' }
  | { kind: 'suspend' }
  | { kind: 'resume' }
  | { kind: 'resolve'; path: string; resolution: Resolution }
  | { kind: 'input'; path: string; outcome: { value: Json } | { error: WorkflowError } }
  | { kind: 'event'; event: Json };

export interface StoredSignal {
  id: string;
  /** Epoch milliseconds at which it was stored. */
  at: number;
  body: Signal;
}
