import { isObject, type Json, type JsonObject } from '../definition/json';
import type { DataFilter, NamedTask, Task, TaskList, Timeout, Workflow } from '../definition/workflow';
import type { Scope } from '../expressions/evaluate';
import { Agenda, Strand } from './agenda';
import { Effects } from './effects';
import { publicError, SENSITIVE, type Outcome } from './event';
import type { ExpressionDesk } from './expression-desk';
import { WorkflowFault } from './fault';
import { RUN_LIMITS, type RunHost, type RunLimits } from './host';
import type { Journal } from './journal';
import { TASKS } from './tasks';

export interface RunFacts {
  id: string;
  input: Json;
  /** Values of `use.secrets`. */
  secrets?: JsonObject;
}

/** What surrounds a task: the strand it runs in and the variables of loops and `catch` around it. */
export interface Frame {
  strand: Strand;
  variables: Scope;
  /** A task around says that data in it is sensitive. */
  isSensitive?: boolean;
}

/** The result of a list or a task; `end` when the workflow is to end with it. */
export interface Result {
  output: Json;
  end?: boolean;
  /** `$authorization`: what a call proved itself with. */
  authorization?: JsonObject;
}

export const RUNTIME = { name: 'mcp-router', version: '0.1.0', metadata: {} };

/**
 * Walks a definition. It decides nothing that the history or the data do not decide: run again on the same events it
 * takes the same path, passing over what has ended already, and goes on from there.
 */
export class Interpreter {
  readonly effects: Effects;
  readonly root: Strand;
  private readonly sensitive = new WeakSet<object>();

  constructor(
    readonly desk: ExpressionDesk,
    readonly facts: RunFacts,
    readonly journal: Journal,
    readonly agenda: Agenda,
    readonly host: RunHost,
    readonly limits: RunLimits = RUN_LIMITS,
  ) {
    this.effects = new Effects(facts.id, journal, agenda, host, limits);
    this.root = new Strand({ clock: journal.startedAt, context: null });
  }

  get workflow(): Workflow {
    return this.desk.workflow;
  }

  /** The output of the whole workflow. @throws WorkflowFault */
  async run(): Promise<Json> {
    const { workflow, root, facts } = this;
    const body = async (strand: Strand): Promise<Result> => {
      const frame = { strand, variables: {} };
      const input = await this.filter(workflow.input, frame, facts.input, 'input');
      return this.list(workflow.do, input, frame, '/do');
    };
    const { timeout } = workflow;
    const { output } =
      timeout === undefined
        ? await body(root)
        : await this.limited(timeout, { strand: root, variables: {} }, facts.input, '/timeout', '/', body);
    return this.filter(workflow.output, { strand: root, variables: {} }, output, 'output');
  }

  /** Runs the tasks of a list, each on the output of the one before, following `then`. */
  async list(tasks: TaskList, input: Json, frame: Frame, path: string): Promise<Result> {
    const visits = new Map<number, number>();
    let data = input;
    for (let index = 0; index < tasks.length;) {
      const named = tasks[index] as NamedTask;
      const visit = visits.get(index) ?? 0;
      visits.set(index, visit + 1);
      if (visit >= this.limits.maxIterations)
        throw WorkflowFault.of('runtime', `The task was reached ${visit} times`, { instance: named.pointer });
      const taskPath = `${path}/${index}${visit === 0 ? '' : `~${visit}`}`;
      const { output, then, end } = await this.task(named, data, frame, taskPath);
      data = output;
      if (end || then === 'end') return { output: data, end: true };
      if (then === 'exit') break;
      index = then === 'continue' ? index + 1 : this.find(tasks, then, named);
    }
    return { output: data };
  }

  /** One task with all that tasks have in common. */
  async task(named: NamedTask, came: Json, frame: Frame, path: string): Promise<Result & { then: string }> {
    const { task, pointer } = named;
    const raw = this.journal.inputs.get(path) ?? came;
    const { strand } = frame;
    if (strand.isCancelled) return NEVER;
    const startedAt = strand.clock;
    try {
      const about = taskFacts(named, raw, startedAt);
      const before = { ...frame, variables: { ...frame.variables, task: about } };
      if (task.if !== undefined && !(await this.test(task.if, before, raw))) return { output: raw, then: 'continue' };
      const input = await this.filter(task.input, before, raw, 'input');
      const isSensitive = task.metadata.sensitive || frame.isSensitive === true;
      const given = { input, authorization: null };
      const inside = { strand, variables: { ...frame.variables, ...given, task: { ...about, input } }, isSensitive };
      const body = (inner: Strand) => this.dispatch(named, input, { ...inside, strand: inner }, path);
      const result =
        task.timeout === undefined
          ? await body(strand)
          : await this.limited(task.timeout, inside, input, path, pointer, body);
      const finished = { ...about, input, output: result.output };
      const authorization = result.authorization ?? null;
      const after = { strand, variables: { ...frame.variables, input, authorization, task: finished } };
      const output = await this.filter(task.output, after, result.output, 'output');
      if (task.export.transform !== undefined || task.export.schema !== undefined) {
        const exporting = { strand, variables: { ...after.variables, output } };
        strand.context = await this.filter(task.export, exporting, output, 'export');
      }
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while the task runs
      if (strand.isCancelled) return await NEVER;
      if (isSensitive && typeof output === 'object' && output !== null) this.sensitive.add(output);
      this.record(named, path, startedAt, input, output, isSensitive);
      return { output, then: result.then ?? task.then, ...(result.end ? { end: true } : {}) };
    } catch (thrown) {
      throw WorkflowFault.from(thrown, pointer);
    }
  }

  /**
   * A part that may end in more than one way, as the history decided it, or as `race` does now. The decision is stored
   * before anything comes of it.
   */
  async decide(path: string, strand: Strand, race: () => Promise<Outcome>, sensitive = false): Promise<Result> {
    if (!this.journal.at(path).decided) {
      const outcome = await race();
      this.host.append({ type: 'part.decided', path, data: { ...outcome, ...(sensitive ? { sensitive } : {}) } });
    }
    const { decided } = this.journal.at(path);
    if (!decided) throw new Error(`${path} was not decided`);
    strand.clock = Math.max(strand.clock, decided.at);
    strand.context = decided.context;
    if ('error' in decided) throw new WorkflowFault(decided.error);
    return { output: decided.output, ...(decided.end ? { end: true } : {}) };
  }

  /** Runs `body` in a strand of its own until a time has passed. */
  private async limited(
    timeout: Timeout | string,
    frame: Frame,
    data: Json,
    path: string,
    pointer: string,
    body: (strand: Strand) => Promise<Result & { then?: string }>,
  ): Promise<Result & { then?: string }> {
    const limit = typeof timeout === 'string' ? this.workflow.use.timeouts[timeout] : timeout;
    if (!limit) throw WorkflowFault.of('configuration', 'There is no timeout of this name');
    const after = await this.duration(limit.after, frame, data);
    return this.within(after, frame.strand, path, pointer, body);
  }

  async within(
    ms: number,
    strand: Strand,
    path: string,
    pointer: string,
    body: (strand: Strand) => Promise<Result & { then?: string }>,
  ): Promise<Result & { then?: string }> {
    const due = strand.clock + ms;
    const place = `${path}/timeout`;
    if (due >= strand.deadline) return body(strand);
    if (this.journal.at(place).decided) return this.decide(place, strand, neverAsked);
    const inner = strand.open(due);
    const timer = strand.open();
    const timedOut = this.agenda.wait<'late'>(timer, { kind: 'timer', due });
    const ended = body(inner);
    try {
      const first = await Promise.race([timedOut, ended]);
      if (first !== 'late') {
        strand.clock = Math.max(strand.clock, inner.clock);
        strand.context = inner.context;
        return first;
      }
    } catch (fault) {
      strand.clock = Math.max(strand.clock, inner.clock);
      strand.context = inner.context;
      throw fault;
    } finally {
      this.abandon(strand, inner, timer);
    }
    const error = WorkflowFault.of('timeout', `It took longer than ${ms} ms`, { instance: pointer, path: place }).error;
    return this.decide(place, strand, () => Promise.resolve({ error, context: inner.context }));
  }

  abandon(strand: Strand, ...children: Strand[]): void {
    for (const child of children) {
      child.cancel();
      strand.close(child);
    }
  }

  scope({ strand, variables }: Frame): Scope {
    const { facts } = this;
    return {
      context: strand.context,
      secrets: facts.secrets ?? {},
      runtime: RUNTIME,
      workflow: {
        id: facts.id,
        definition: this.workflow.source,
        input: facts.input,
        startedAt: instant(this.journal.startedAt),
      },
      ...variables,
    };
  }

  evaluate(text: string, frame: Frame, data: Json): Promise<Json> {
    return this.computed(this.desk.evaluate(text, this.scope(frame), data, frame.strand.clock));
  }

  test(text: string, frame: Frame, data: Json): Promise<boolean> {
    return this.agenda.during(this.desk.test(text, this.scope(frame), data, frame.strand.clock));
  }

  resolve(value: Json, frame: Frame, data: Json): Promise<Json> {
    return this.computed(this.desk.resolve(value, this.scope(frame), data, frame.strand.clock));
  }

  duration(duration: Parameters<ExpressionDesk['duration']>[0], frame: Frame, data: Json): Promise<number> {
    return this.agenda.during(this.desk.duration(duration, this.scope(frame), data, frame.strand.clock));
  }

  filter(filter: DataFilter, frame: Frame, data: Json, what: 'input' | 'output' | 'export'): Promise<Json> {
    if (filter.transform === undefined && filter.schema === undefined) return Promise.resolve(data);
    return this.agenda.during(this.desk.filter(filter, this.scope(frame), data, frame.strand.clock, what));
  }

  private async computed(value: Json | Promise<Json>): Promise<Json> {
    return value instanceof Promise ? this.agenda.during(value) : value;
  }

  private dispatch(named: NamedTask, input: Json, frame: Frame, path: string): Promise<Result & { then?: string }> {
    const run = TASKS[named.task.kind] as TaskRunner<Task>;
    return run(this, named, input, frame, path);
  }

  private record(
    { task, pointer }: NamedTask,
    path: string,
    startedAt: number,
    input: Json,
    output: Json,
    isAroundSensitive: boolean,
  ): void {
    // What a call did is in the history already.
    if (task.kind === 'call' || task.kind === 'emit' || this.journal.at(path).isFinished) return;
    const shown =
      isAroundSensitive || holdsSensitive(task.source)
        ? { input: SENSITIVE, output: SENSITIVE, sensitive: true }
        : { input: this.shown(input), output: this.shown(output) };
    this.host.append({ type: 'task.finished', path, data: { kind: task.kind, pointer, startedAt, ...shown } });
  }

  /** What a sensitive task put out is not shown as the input of the next one either. */
  private shown(value: Json): Json {
    return typeof value === 'object' && value !== null && this.sensitive.has(value) ? SENSITIVE : brief(value);
  }

  private find(tasks: TaskList, name: string, from: NamedTask): number {
    const index = tasks.findIndex((candidate) => candidate.name === name);
    if (index < 0)
      throw WorkflowFault.of('configuration', `There is no task \`${name}\` in this list`, { instance: from.pointer });
    return index;
  }
}

export type TaskRunner<T extends Task> = (
  run: Interpreter,
  named: NamedTask & { task: T },
  input: Json,
  frame: Frame,
  path: string,
) => Promise<Result & { then?: string }>;

/** What a strand that was ended goes on with. */
const NEVER = new Promise<never>(() => undefined);

const neverAsked = () => Promise.reject(new Error('It was decided'));

/** `$task` and the like give times in two forms. */
export function instant(ms: number): JsonObject {
  return {
    iso8601: new Date(ms).toISOString(),
    epoch: { seconds: Math.floor(ms / 1000), milliseconds: ms },
  };
}

function taskFacts({ name, pointer, task }: NamedTask, input: Json, startedAt: number): JsonObject {
  return { name, reference: pointer, definition: task.source, input, startedAt: instant(startedAt) };
}

/** In the history of pure tasks large values would only repeat what their neighbours say. */
const MAX_SHOWN = 16_384;

function brief(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  const text = JSON.stringify(value);
  return text.length <= MAX_SHOWN ? value : { truncated: `${text.slice(0, 256)}…` };
}

/** An error as `catch` and callers see it. */
export function errorValue(fault: WorkflowFault): JsonObject {
  const error = publicError(fault.error);
  return isObject(error) ? error : {};
}

const sensitivity = new WeakMap<object, boolean>();

/** Whether a task says of itself, or one inside it of itself, that its data is sensitive. */
export function holdsSensitive(source: JsonObject): boolean {
  let known = sensitivity.get(source);
  if (known === undefined) sensitivity.set(source, (known = JSON.stringify(source).includes('"sensitive":true')));
  return known;
}
