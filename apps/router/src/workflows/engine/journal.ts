import type { Json } from '../definition/json';
import type { EffectRecord, Outcome, Resolution, RunEvent, WorkflowError } from './event';

/** What the history says about one place of a run. */
export interface PathHistory {
  scheduled?: EffectRecord & { at: number };
  ended?: ({ output: Json } | { error: WorkflowError }) & { at: number };
  resolution?: Resolution & { at: number };
  decided?: Outcome & { at: number };
  received?: ({ value: Json } | { error: WorkflowError }) & { at: number };
  isRequested?: boolean;
  isFinished?: boolean;
}

/** The fold of a run's events: what is known about each place, and where the run as a whole stands. */
export class Journal {
  lastSeq = 0;
  startedAt = 0;
  /** When the last thing happened. */
  lastAt = 0;
  isSuspended = false;
  suspendedAt = 0;
  isCancelling = false;
  end: RunEvent | undefined;
  /** Inputs that tasks get in place of those that came to them. */
  readonly inputs = new Map<string, Json>();
  private readonly paths = new Map<string, PathHistory>();

  constructor(events: Iterable<RunEvent> = []) {
    for (const event of events) this.add(event);
  }

  at(path: string): PathHistory {
    let known = this.paths.get(path);
    if (!known) this.paths.set(path, (known = {}));
    return known;
  }

  add(event: RunEvent): void {
    const { at } = event;
    this.lastSeq = event.seq;
    this.lastAt = Math.max(this.lastAt, at);
    switch (event.type) {
      case 'run.started':
        this.startedAt = at;
        return;
      case 'effect.scheduled': {
        const place = this.at(event.path);
        place.scheduled = { ...event.data, at };
        delete place.resolution;
        return;
      }
      case 'effect.completed':
      case 'effect.faulted':
        this.at(event.path).ended = { ...event.data, at };
        return;
      case 'effect.resolved':
        this.at(event.path).resolution = { ...event.data, at };
        return;
      case 'part.decided':
        this.at(event.path).decided = { ...event.data, at };
        return;
      case 'input.received':
        this.at(event.path).received = { ...event.data, at };
        return;
      case 'approval.requested':
        this.at(event.path).isRequested = true;
        return;
      case 'task.finished':
        this.at(event.path).isFinished = true;
        return;
      case 'run.suspended':
        this.isSuspended = true;
        this.suspendedAt = at;
        return;
      case 'run.resumed':
        this.isSuspended = false;
        return;
      case 'run.cancelling':
        this.isCancelling = true;
        return;
      case 'run.forked':
        if (event.data.input !== undefined) this.inputs.set(event.data.path, event.data.input);
        return;
      case 'run.retried':
        this.forget(event.data.path);
        this.end = undefined;
        return;
      case 'run.completed':
      case 'run.faulted':
      case 'run.cancelled':
        this.end = event;
    }
  }

  /** The failure that ended the run did not happen; what came of it neither. */
  private forget(path: string | null): void {
    if (path === null) return;
    for (const place of this.paths.values())
      if (place.decided && 'error' in place.decided && place.decided.error.path === path) delete place.decided;
    const place = this.paths.get(path);
    if (place) {
      delete place.ended;
      delete place.scheduled;
      delete place.received;
      delete place.resolution;
    }
  }
}
