import type { Json } from '../definition/json';
import type { NamedTask } from '../definition/workflow';
import type { Agenda, Strand } from './agenda';
import { SENSITIVE } from './event';
import { WorkflowFault } from './fault';
import type { Effect, RunHost, RunLimits } from './host';
import type { Frame } from './interpreter';
import type { Journal, PathHistory } from './journal';

/**
 * Does each effect of a run at most once, as far as the history can tell: it is recorded before it happens and after.
 * What the history says has ended is never done again; what began and did not end is uncertain.
 */
export class Effects {
  constructor(
    private readonly runId: string,
    private readonly journal: Journal,
    private readonly agenda: Agenda,
    private readonly host: RunHost,
    private readonly limits: RunLimits,
  ) {}

  async perform({ task, pointer }: NamedTask, effect: Effect, path: string, frame: Frame): Promise<Json> {
    const { strand } = frame;
    const past = this.journal.at(path);
    if (past.ended) return this.recall(past.ended, strand);
    const { idempotency, onUncertain } = task.metadata;
    const sensitive = task.metadata.sensitive || frame.isSensitive === true;
    // What the tool said of itself when it was first called holds.
    const isSafe =
      past.scheduled?.isSafe ?? (idempotency === 'safe' || (idempotency === 'auto' && this.host.isRepeatable(effect)));
    if (past.scheduled && !isSafe) {
      const known = await this.settleUncertain(past, onUncertain, path, pointer, strand);
      if (known) return this.recall(known, strand);
    }
    if (this.journal.isSuspended || this.host.isDraining === true)
      await this.agenda.wait(strand, { kind: 'suspended' });
    if (strand.isCancelled) return new Promise(() => undefined);
    const attempt = (past.scheduled?.attempt ?? 0) + 1;
    const key = `${this.runId}:${path}`;
    const input = this.inputOf(effect);
    const data = { kind: kindOf(effect), pointer, attempt, key, isSafe, input, ...(sensitive ? { sensitive } : {}) };
    this.host.append({ type: 'effect.scheduled', path, data });
    void this.run(effect, { key, path, attempt, signal: strand.ended.signal }, { pointer, strand, sensitive });
    return this.agenda.wait<void>(strand, this.blockOf(path)).then(() => this.recall(this.endOf(path), strand));
  }

  /** What the history keeps of what the effect is given. @throws WorkflowFault when that is too large */
  private inputOf(effect: Effect): Json {
    const input =
      effect.kind === 'call'
        ? (effect.shown ?? effect.args)
        : effect.kind === 'emit'
          ? effect.event
          : effect.workflow.input;
    this.requireSize(input, 'input');
    return input;
  }

  private requireSize(value: Json, what: string): void {
    const { maxPayloadBytes } = this.limits;
    if (Buffer.byteLength(JSON.stringify(value)) > maxPayloadBytes)
      throw WorkflowFault.of('runtime', `The ${what} is larger than ${maxPayloadBytes} bytes`);
  }

  private readonly blocks = new Map<string, { kind: 'effect' }>();

  private blockOf(path: string): { kind: 'effect' } {
    const block = { kind: 'effect' as const };
    this.blocks.set(path, block);
    return block;
  }

  private endOf(path: string): NonNullable<PathHistory['ended']> {
    const { ended } = this.journal.at(path);
    if (!ended) throw new Error(`${path} has no end`);
    return ended;
  }

  private async run(
    effect: Effect,
    context: Parameters<RunHost['perform']>[1],
    { pointer, strand, sensitive }: { pointer: string; strand: Strand; sensitive: boolean },
  ): Promise<void> {
    const { path } = context;
    const mark = sensitive ? { sensitive } : {};
    try {
      await this.host.stored();
    } catch {
      return; // Somebody else owns the run now.
    }
    if (strand.isCancelled) return;
    let end: { output: Json } | { error: WorkflowFault['error'] };
    try {
      const output = await this.host.perform(effect, context);
      this.requireSize(output, 'output');
      end = { output };
    } catch (thrown) {
      const { error } = WorkflowFault.from(thrown, pointer);
      // What a sensitive task failed with often repeats what it was given.
      end = { error: { ...error, ...(sensitive ? { detail: SENSITIVE } : {}), path } };
    }
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while the effect runs
    if (strand.isCancelled) return;
    if ('output' in end) this.host.append({ type: 'effect.completed', path, data: { ...end, ...mark } });
    else this.host.append({ type: 'effect.faulted', path, data: { ...end, ...mark } });
    const block = this.blocks.get(path);
    this.blocks.delete(path);
    if (block) this.agenda.settle(block, { value: undefined });
  }

  /** @returns its end, when it is not to be tried again */
  private async settleUncertain(
    past: PathHistory,
    onUncertain: 'ask' | 'retry' | 'fail',
    path: string,
    pointer: string,
    strand: Strand,
  ): Promise<PathHistory['ended']> {
    if (onUncertain === 'retry') return undefined;
    const scheduled = past.scheduled;
    if (!scheduled) return undefined;
    if (onUncertain === 'ask' && !past.resolution)
      await this.agenda.wait(strand, { kind: 'uncertain', path, effect: scheduled });
    const { resolution } = past;
    if (onUncertain === 'ask' && resolution?.action === 'retry') return undefined;
    if (resolution?.action === 'complete')
      this.host.append({ type: 'effect.completed', path, data: { output: resolution.output } });
    else {
      const fault = WorkflowFault.of('runtime', 'Whether this happened is not known', { instance: pointer, path });
      this.host.append({ type: 'effect.faulted', path, data: { error: fault.error } });
    }
    return past.ended;
  }

  private recall(ended: NonNullable<PathHistory['ended']>, strand: Strand): Json {
    strand.clock = Math.max(strand.clock, ended.at);
    if ('error' in ended) throw new WorkflowFault(ended.error);
    return ended.output;
  }
}

function kindOf(effect: Effect): string {
  if (effect.kind !== 'call') return effect.kind;
  return effect.step === 'operation' ? `${effect.task.call} document` : effect.task.call;
}
