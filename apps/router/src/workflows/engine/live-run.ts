import type { Json, JsonObject } from '../definition/json';
import type { Expressions } from '../expressions/evaluate';
import type { Workflow } from '../definition/workflow';
import { Agenda, type Block } from './agenda';
import { Fenced, type Batch, type Projection } from './committer';
import { publicError, type EventBody, type RunEvent, type WorkflowError } from './event';
import { ExpressionDesk } from './expression-desk';
import { WorkflowFault } from './fault';
import type { Effect, EffectContext, RunHost, RunLimits } from './host';
import { Interpreter } from './interpreter';
import { Journal } from './journal';
import { Redaction } from './redaction';
import type { RunRow, RunState } from './run-store';
import type { Signal, StoredSignal } from './signal';

/** A run whose next timer is nearer than this stays in memory. */
const NEAR_MS = 1_000;

/** The process around a run: how it stores, acts, and tells the time. */
export interface RunSurroundings {
  commit(batch: Batch): Promise<void>;
  isRepeatable(effect: Effect, run: RunRow): boolean;
  perform(effect: Effect, context: EffectContext, run: RunRow): Promise<Json>;
  now(): number;
  /** Asked before the first task of a run. @throws WorkflowFault when it may not begin */
  admit?: (signal: AbortSignal) => Promise<unknown>;
  /** The process stops: no effect is begun any more. */
  isDraining?(): boolean;
  /** Ends what a run has started, before it ends itself. */
  cancelChildren(run: LiveRun): Promise<void>;
  /** Called once, when the run has left the memory of this process. */
  onLeft(run: LiveRun, why: 'ended' | 'parked' | 'fenced' | 'failed', error?: unknown): void;
}

export interface RunDefinition {
  workflow: Workflow;
  expressions: Expressions;
  limits: RunLimits;
  /** Values of `use.secrets`, by name. */
  secrets?: JsonObject;
}

/** One run in the memory of the process that owns it. */
export class LiveRun implements RunHost {
  readonly journal: Journal;
  readonly agenda: Agenda;
  private interpreter: Interpreter | undefined;
  private readonly desk: ExpressionDesk;
  private readonly secrets: JsonObject;
  /** While it is asked whether the run may begin. */
  private admission: AbortController | undefined;
  private readonly redaction: Redaction;
  private readonly limits: RunLimits;
  private outcome: { output: Json } | { error: WorkflowError } | 'cancelled' | undefined;
  private unwritten: RunEvent[] = [];
  private consumed: string[] = [];
  private readonly seen = new Set<string>();
  private readonly inbox: StoredSignal[] = [];
  /** What may belong to an effect that is in flight, or to a place that the run has not come back to yet. */
  private readonly kept: StoredSignal[] = [];
  private isObeying = false;
  private projection: Projection | undefined;
  private projectedState: RunState;
  private writing: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;
  private isLeaving = false;
  private isCancelling = false;

  constructor(
    readonly row: RunRow,
    { workflow, expressions, limits, secrets = {} }: RunDefinition,
    events: readonly RunEvent[],
    private readonly around: RunSurroundings,
  ) {
    this.projectedState = row.state;
    this.journal = new Journal(events);
    this.agenda = new Agenda(() => this.onQuiet());
    this.limits = limits;
    this.redaction = new Redaction(secrets);
    this.secrets = secrets;
    this.desk = new ExpressionDesk(workflow, expressions);
  }

  /** When its next timer goes off, once it is parked. */
  due: number | undefined;

  get id(): string {
    return this.row.id;
  }

  start(signals: readonly StoredSignal[] = []): void {
    const { admit } = this.around;
    if (this.journal.lastSeq === 0 && admit) void this.ask(admit);
    else this.begin();
    if (signals.length > 0) this.take(signals);
  }

  private async ask(admit: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    this.admission = new AbortController();
    try {
      await admit(this.admission.signal);
    } catch (thrown) {
      if (!(thrown instanceof WorkflowFault)) {
        this.leave('failed', thrown);
        return;
      }
      this.append({ type: 'run.started' });
      this.outcome = { error: WorkflowFault.from(thrown, '/').error };
    }
    this.admission = undefined;
    if (this.isOver) return;
    if (this.outcome === undefined) this.begin();
    else this.agenda.stir();
  }

  private begin(): void {
    if (this.journal.lastSeq === 0) this.append({ type: 'run.started' });
    const facts = { id: this.row.id, input: this.row.input, secrets: this.secrets };
    this.interpreter = new Interpreter(this.desk, facts, this.journal, this.agenda, this, this.limits);
    if (this.journal.isCancelling) void this.cancel();
    else this.interpret(this.interpreter);
  }

  private interpret(interpreter: Interpreter): void {
    interpreter.run().then(
      (output) => this.settled({ output }),
      (thrown: unknown) => this.settled({ error: WorkflowFault.from(thrown, '/').error }),
    );
  }

  private settled(outcome: { output: Json } | { error: WorkflowError }): void {
    this.outcome ??= outcome;
    this.agenda.stir();
  }

  append(body: EventBody): void {
    if (this.isOver) return;
    // What is written down is also what the run goes on with, so a replay is the same.
    const event = { ...this.redaction.apply(body), seq: this.journal.lastSeq + 1, at: this.around.now() };
    this.journal.add(event);
    this.unwritten.push(event);
    if (event.seq >= this.limits.maxEvents) this.overflow();
    void this.stored().catch(() => undefined);
  }

  /** A history has an end, so that a run that never comes to one does not fill the disk. */
  private overflow(): void {
    if (this.outcome !== undefined) return;
    const { maxEvents } = this.limits;
    this.settled({ error: WorkflowFault.of('runtime', `More than ${maxEvents} events`, { instance: '/' }).error });
    this.interpreter?.root.cancel();
  }

  /** One batch of a run is written at a time; what comes up meanwhile is the next one. */
  stored(): Promise<void> {
    if (!this.writing) {
      if (this.unwritten.length === 0 && !this.projection && this.consumed.length === 0) return Promise.resolve();
      this.writing = this.write().finally(() => {
        this.writing = undefined;
      });
      return this.writing;
    }
    this.next ??= this.writing.then(
      () => this.following(),
      () => this.following(),
    );
    return this.next;
  }

  private following(): Promise<void> {
    this.next = undefined;
    return this.stored();
  }

  private async write(): Promise<void> {
    if (this.isOver) throw new Fenced(this.id);
    // What the same turn of the event loop adds goes along.
    await new Promise(setImmediate);
    const { unwritten: events, consumed, projection } = this;
    this.unwritten = [];
    this.consumed = [];
    this.projection = undefined;
    try {
      await this.around.commit({ runId: this.id, epoch: this.row.epoch, events, consumed, projection });
    } catch (error) {
      this.leave(error instanceof Fenced ? 'fenced' : 'failed', error);
      throw error;
    }
  }

  isRepeatable(effect: Effect): boolean {
    return this.around.isRepeatable(effect, this.row);
  }

  perform(effect: Effect, context: EffectContext): Promise<Json> {
    return this.around.perform(this.withoutSecrets(effect), context, this.row);
  }

  /** Arguments of calls need their secrets; events and inputs of other runs are kept, so they have none. */
  private withoutSecrets(effect: Effect): Effect {
    return effect.kind === 'call' ? effect : this.redaction.apply(effect);
  }

  /** Takes what the run was told, each signal once; it is obeyed when everything waits. */
  take(signals: readonly StoredSignal[]): void {
    for (const signal of signals) {
      if (this.seen.has(signal.id)) continue;
      this.seen.add(signal.id);
      this.inbox.push(signal);
    }
    this.agenda.stir();
  }

  /** What cannot be obeyed now is kept as long as something is under way that it may belong to; then it is stale. */
  private async obeyAll(isUnderWay: boolean): Promise<void> {
    this.isObeying = true;
    for (const signal of this.inbox.splice(0)) {
      if ((await this.obey(signal.body)) || !isUnderWay) this.consumed.push(signal.id);
      else this.kept.push(signal);
    }
    this.isObeying = false;
    void this.stored().catch(() => undefined);
    this.agenda.stir();
  }

  /** @returns whether it had an effect */
  private async obey(signal: Signal): Promise<boolean> {
    switch (signal.kind) {
      case 'cancel':
        if (this.outcome !== undefined || this.journal.isCancelling) return true;
        this.append({ type: 'run.cancelling' });
        void this.cancel();
        return true;
      case 'suspend':
        if (!this.journal.isSuspended) this.append({ type: 'run.suspended' });
        return true;
      case 'resume':
        if (this.journal.isSuspended) this.append({ type: 'run.resumed' });
        for (const block of this.agenda.blocks())
          if (block.kind === 'suspended') this.agenda.settle(block, { value: undefined });
        return true;
      case 'resolve': {
        const block = this.agenda.find('uncertain', signal.path);
        if (!block) return false;
        this.append({ type: 'effect.resolved', path: signal.path, data: signal.resolution });
        // Stored with it, so that nobody decides a second time what is under way again.
        this.project('running', null, false, this.agenda.blocks());
        this.agenda.settle(block, { value: undefined });
        return true;
      }
      case 'input': {
        const block = this.agenda.find('approval', signal.path) ?? this.agenda.find('child', signal.path);
        if (!block) return this.journal.at(signal.path).received !== undefined;
        const mark = block.kind === 'approval' && block.sensitive ? { sensitive: true } : {};
        this.append({ type: 'input.received', path: signal.path, data: { ...signal.outcome, ...mark } });
        this.agenda.settle(block, { value: undefined });
        return true;
      }
      case 'event':
        for (const block of this.agenda.blocks()) {
          if (block.kind !== 'listen' || !(await block.matches(signal.event))) continue;
          this.append({ type: 'input.received', path: block.path, data: { value: signal.event } });
          this.agenda.settle(block, { value: undefined });
        }
        return true;
    }
  }

  /** What is in flight hears of it at once; the run has ended when all that it started has been told. */
  private async cancel(): Promise<void> {
    this.isCancelling = true;
    this.interpreter?.root.cancel();
    this.projectedState = 'cancelling';
    this.projection = { state: 'cancelling', nextWakeAt: this.around.now(), release: false, listens: false };
    try {
      await this.stored();
      await this.around.cancelChildren(this);
    } catch (error) {
      // Whoever takes it over goes on here.
      this.leave('failed', error);
      return;
    }
    this.outcome ??= 'cancelled';
    this.isCancelling = false;
    this.agenda.stir();
  }

  get isDraining(): boolean {
    return this.around.isDraining?.() ?? false;
  }

  /** Leaves as soon as nothing is in flight; what comes next is done by whoever takes the run. */
  drain(): void {
    if (this.admission) this.abandon();
    this.agenda.stir();
  }

  /** Drops the run from memory without another word; its history is what it is. */
  abandon(): void {
    this.leave('failed');
  }

  private onQuiet(): void {
    if (this.isOver || this.isLeaving || this.isObeying || this.isCancelling || this.admission) return;
    if (this.outcome !== undefined) return void this.end(this.outcome);
    const blocks = this.agenda.blocks();
    const isBusy = blocks.some(({ kind }) => kind === 'effect');
    const { isSuspended, suspendedAt, lastAt } = this.journal;
    const now = this.around.now();
    const timer = earliest(blocks);
    const isDue = timer !== undefined && timer.due <= (isSuspended ? suspendedAt : now);
    if ((!isBusy && !isDue) || this.kept.some(({ body }) => body.kind === 'input' && this.isAwaited(body.path)))
      this.inbox.unshift(...this.kept.splice(0));
    const [next] = this.inbox;
    // A run that is read again comes to where it was before anything reaches it that it was told there.
    const isReplayed = isDue && (!next || timer.due <= Math.max(lastAt, next.at));
    if (next && !isReplayed) return void this.obeyAll(isBusy || isDue);
    if (isDue) {
      this.inbox.unshift(...this.kept.splice(0));
      return this.agenda.settle(timer, { value: 'late' });
    }
    if (this.isDraining && !isBusy && !isSuspended && blocks.some(({ kind }) => kind === 'suspended'))
      return this.project('running', now, true, blocks);
    const state: RunState = isBusy
      ? 'running'
      : isSuspended
        ? 'suspended'
        : blocks.some(({ kind }) => kind === 'uncertain')
          ? 'needs_attention'
          : 'waiting';
    // A person may take as long as they want; everything else comes to an end.
    const limit = state === 'waiting' ? this.journal.lastAt + this.limits.maxWaitMs : Infinity;
    if (limit <= now) return this.waitedTooLong();
    const due = Math.min((isSuspended ? undefined : timer?.due) ?? Infinity, limit);
    const wakeAt = due === Infinity ? undefined : due;
    this.arm(wakeAt, now);
    if (isBusy) return this.project('running', wakeAt ?? null, false, blocks);
    const isNear = !this.isDraining && wakeAt !== undefined && wakeAt - now < NEAR_MS;
    this.project(state, wakeAt ?? null, !isNear, blocks);
  }

  private waitedTooLong(): void {
    const days = Math.round(this.limits.maxWaitMs / 86_400_000);
    const fault = WorkflowFault.of('timeout', `Nothing came within ${days} days`, { instance: '/' });
    this.settled({ error: fault.error });
    this.interpreter?.root.cancel();
  }

  private isAwaited(path: string): boolean {
    return (this.agenda.find('child', path) ?? this.agenda.find('approval', path)) !== undefined;
  }

  private arm(due: number | undefined, now: number): void {
    clearTimeout(this.timer);
    if (due !== undefined) this.timer = setTimeout(() => this.agenda.stir(), Math.min(due - now, 2 ** 31 - 1)).unref();
  }

  private project(state: RunState, due: number | null, release: boolean, blocks: readonly Block[]): void {
    const listens = blocks.some(({ kind }) => kind === 'listen');
    if (!release && (state === this.projectedState || state === 'waiting')) return;
    this.projectedState = state;
    // A run in memory is due when its owner is gone.
    this.projection = { state, nextWakeAt: release ? due : this.around.now(), release, listens };
    if (!release) return void this.stored().catch(() => undefined);
    this.isLeaving = true;
    this.due = due ?? undefined;
    void this.stored().then(
      () => this.leave('parked'),
      () => undefined,
    );
  }

  private async end(given: { output: Json } | { error: WorkflowError } | 'cancelled'): Promise<void> {
    this.isLeaving = true;
    const outcome = this.redaction.apply(given);
    const { parent_run: parentRun, parent_path: parentPath } = this.row;
    if (outcome === 'cancelled') this.append({ type: 'run.cancelled' });
    else if ('output' in outcome) this.append({ type: 'run.completed', data: outcome });
    else this.append({ type: 'run.faulted', data: outcome });
    const result =
      outcome === 'cancelled' ? { error: null } : 'error' in outcome ? { error: publicError(outcome.error) } : outcome;
    const told =
      outcome === 'cancelled'
        ? { error: WorkflowFault.of('runtime', 'The workflow that was run was cancelled').error }
        : 'error' in outcome
          ? { error: publicError(outcome.error) }
          : { value: outcome.output };
    this.projection = {
      state: outcome === 'cancelled' ? 'cancelled' : 'error' in outcome ? 'faulted' : 'completed',
      nextWakeAt: null,
      release: true,
      listens: false,
      ended: result,
      ...(parentRun !== null && parentPath !== null
        ? { parent: { run: parentRun, body: { kind: 'input', path: parentPath, outcome: told } satisfies Signal } }
        : {}),
    };
    await this.stored().then(
      () => this.leave('ended'),
      () => undefined,
    );
  }

  private leave(why: 'ended' | 'parked' | 'fenced' | 'failed', error?: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.agenda.close();
    this.admission?.abort();
    if (why === 'fenced' || why === 'failed') this.interpreter?.root.cancel();
    this.around.onLeft(this, why, error);
  }
}

function earliest(blocks: readonly Block[]): Extract<Block, { kind: 'timer' }> | undefined {
  let first: Extract<Block, { kind: 'timer' }> | undefined;
  for (const block of blocks) if (block.kind === 'timer' && (!first || block.due < first.due)) first = block;
  return first;
}
