import { isObject, type Json, type JsonObject, pointerTo } from './json';
import { didYouMean } from './nearest';
import { readCall } from './read-calls';
import { readError, readFilter, readRetry, readStrategy, readTimeout } from './read-components';
import { describe, type Reader } from './reader';
import {
  type CatchClause,
  DIRECTIVES,
  type NamedTask,
  type SwitchCase,
  type Task,
  type TaskBase,
  type TaskKind,
  type TaskList,
  type TaskMetadata,
} from './workflow';

const COMMON = ['if', 'input', 'output', 'export', 'timeout', 'then', 'metadata'];

/** The property that makes a task what it is, and the others that go with it. `for` stands before `do`, which it also has. */
const KINDS: readonly (readonly [TaskKind, readonly string[]])[] = [
  ['call', ['with']],
  ['for', ['while', 'do']],
  ['listen', ['foreach']],
  ['try', ['catch']],
  ['emit', []],
  ['fork', []],
  ['raise', []],
  ['run', []],
  ['set', []],
  ['switch', []],
  ['wait', []],
  ['do', []],
];

/** Reads a list of named tasks; `depth` counts the lists around it. */
export function readTasks(reader: Reader, value: Json | undefined, pointer: string, depth: number): TaskList {
  const { maxDepth } = reader.limits;
  if (depth > maxDepth) {
    reader.fault('WF106', pointer, `Tasks lie deeper than ${maxDepth} lists inside one another`);
    return [];
  }
  const items = reader.list(value, pointer, 'A list of tasks');
  if (Array.isArray(value) && items.length === 0) reader.fault('WF105', pointer, 'This list of tasks is empty');
  const seen = new Map<string, string>();
  return items.flatMap((item, index): NamedTask[] => {
    const at = pointerTo(pointer, index);
    const entries = isObject(item) ? Object.entries(item) : [];
    const entry = entries[0];
    if (entry === undefined || entries.length !== 1) {
      const hint = entries.length > 1 ? 'Start each task with its own dash' : 'Write `- name: { … }`';
      reader.fault(
        'WF109',
        at,
        `An item of a task list must be one named task, not ${entries.length || describe(item)}`,
        hint,
      );
      return [];
    }
    const [name, definition] = entry;
    const taskAt = pointerTo(at, name);
    checkName(reader, name, taskAt, seen);
    return [{ name, pointer: taskAt, task: readTask(reader, definition, taskAt, depth) }];
  });
}

function checkName(reader: Reader, name: string, at: string, seen: Map<string, string>): void {
  if (DIRECTIVES.some((directive) => directive === name))
    reader.fault('WF104', at, `A task may not be named \`${name}\`: \`then: ${name}\` means something else`);
  else if (name.trim() === '') reader.fault('WF104', at, 'A task needs a name');
  const earlier = seen.get(name);
  if (earlier !== undefined) {
    const message = `Another task of this list is named \`${name}\``;
    reader.fault('WF103', at, message, `The first stands at ${earlier}; \`then\` could not tell them apart`);
  } else seen.set(name, at);
}

/** Reads one task. A task that cannot be understood becomes an empty `do`, so that reading goes on. */
export function readTask(reader: Reader, value: Json | undefined, pointer: string, depth: number): Task {
  reader.taskCount += 1;
  if (reader.taskCount === reader.limits.maxTasks + 1)
    reader.fault('WF106', pointer, `The workflow has more than ${reader.limits.maxTasks} tasks`);
  const unreadable: Task = { ...base({}), kind: 'do', do: [] };
  if (!isObject(value)) {
    reader.fault('WF101', pointer, `A task must be an object, not ${describe(value)}`);
    return unreadable;
  }
  const kinds = KINDS.filter(([kind]) => value[kind] !== undefined);
  const found = kinds[0];
  if (found === undefined) {
    const names = KINDS.map(([kind]) => kind);
    const hint = Object.keys(value)
      .map((name) => didYouMean(name, names))
      .find((text) => text !== undefined);
    reader.fault('WF109', pointer, 'This task does not say what to do', hint ?? `One of ${names.sort().join(', ')}`);
    return unreadable;
  }
  const [kind, extra] = found;
  const others = kinds.slice(1).filter(([name]) => !extra.includes(name));
  if (others.length > 0) {
    const names = [kind, ...others.map(([name]) => name)].join(' and ');
    reader.fault('WF109', pointer, `A task does one thing, not ${names}`, 'Make a task of each');
    return unreadable;
  }
  reader.object(value, pointer, `A \`${kind}\` task`, [...COMMON, kind, ...extra]);
  return { ...readBase(reader, value, pointer), ...READERS[kind](reader, value, pointer, depth) };
}

function base(source: JsonObject): TaskBase {
  const metadata: TaskMetadata = { idempotency: 'auto', onUncertain: 'ask', sensitive: false };
  return { input: {}, output: {}, export: {}, then: 'continue', metadata, source };
}

function readBase(reader: Reader, task: JsonObject, pointer: string): TaskBase {
  const condition = reader.text(task, 'if', pointer);
  const timeout = readTimeout(reader, task['timeout'], pointerTo(pointer, 'timeout'));
  return {
    ...base(task),
    ...(condition === undefined ? {} : { if: condition }),
    input: readFilter(reader, task['input'], pointerTo(pointer, 'input'), 'from'),
    output: readFilter(reader, task['output'], pointerTo(pointer, 'output'), 'as'),
    export: readFilter(reader, task['export'], pointerTo(pointer, 'export'), 'as'),
    ...(timeout === undefined ? {} : { timeout }),
    then: reader.text(task, 'then', pointer) ?? 'continue',
    metadata: readMetadata(reader, task['metadata'], pointerTo(pointer, 'metadata')),
  };
}

function readMetadata(reader: Reader, value: Json | undefined, pointer: string): TaskMetadata {
  const metadata = value === undefined ? {} : (reader.object(value, pointer, '`metadata`') ?? {});
  return {
    idempotency: reader.choice(metadata, 'idempotency', pointer, ['auto', 'safe', 'unsafe'], 'auto'),
    onUncertain: reader.choice(metadata, 'onUncertain', pointer, ['ask', 'retry', 'fail'], 'ask'),
    sensitive: reader.flag(metadata, 'sensitive', pointer, false),
  };
}

type Own<K extends TaskKind> = Omit<Extract<Task, { kind: K }>, keyof TaskBase>;
type KindReader<K extends TaskKind> = (reader: Reader, task: JsonObject, pointer: string, depth: number) => Own<K>;

const READERS: { [K in TaskKind]: KindReader<K> } = {
  call: (reader, task, pointer) => ({ kind: 'call', ...readCall(reader, task, pointer) }),

  do: (reader, task, pointer, depth) => ({
    kind: 'do',
    do: readTasks(reader, task['do'], pointerTo(pointer, 'do'), depth + 1),
  }),

  emit(reader, task, pointer) {
    const at = pointerTo(pointer, 'emit');
    const emit = reader.object(task['emit'], at, '`emit`', ['event'], ['event']);
    const eventAt = pointerTo(at, 'event');
    const event =
      emit?.['event'] === undefined
        ? {}
        : (reader.object(emit['event'], eventAt, '`event`', undefined, ['with']) ?? {});
    const required = ['source', 'type'];
    const attributes =
      event['with'] === undefined
        ? {}
        : (reader.object(event['with'], pointerTo(eventAt, 'with'), 'An event', undefined, required) ?? {});
    return { kind: 'emit', event: attributes };
  },

  for(reader, task, pointer, depth) {
    const at = pointerTo(pointer, 'for');
    const loop = reader.object(task['for'], at, '`for`', ['each', 'in', 'at'], ['in']) ?? {};
    if (task['do'] === undefined) reader.fault('WF101', pointer, 'A `for` task needs `do`');
    const condition = reader.text(task, 'while', pointer);
    return {
      kind: 'for',
      each: variable(reader, loop, 'each', at, 'item'),
      in: reader.text(loop, 'in', at) ?? '[]',
      at: variable(reader, loop, 'at', at, 'index'),
      ...(condition === undefined ? {} : { while: condition }),
      do: task['do'] === undefined ? [] : readTasks(reader, task['do'], pointerTo(pointer, 'do'), depth + 1),
    };
  },

  fork(reader, task, pointer, depth) {
    const at = pointerTo(pointer, 'fork');
    const fork = reader.object(task['fork'], at, '`fork`', ['branches', 'compete'], ['branches']) ?? {};
    const branchesAt = pointerTo(at, 'branches');
    const { maxBranches } = reader.limits;
    if (Array.isArray(fork['branches']) && fork['branches'].length > maxBranches)
      reader.fault('WF106', branchesAt, `A fork has more than ${maxBranches} branches`);
    return {
      kind: 'fork',
      branches: fork['branches'] === undefined ? [] : readTasks(reader, fork['branches'], branchesAt, depth + 1),
      compete: reader.flag(fork, 'compete', at, false),
    };
  },

  listen(reader, task, pointer, depth) {
    const at = pointerTo(pointer, 'listen');
    const listen = reader.object(task['listen'], at, '`listen`', ['to', 'read'], ['to']) ?? {};
    const foreach = readForeach(reader, task['foreach'], pointerTo(pointer, 'foreach'), depth);
    return {
      kind: 'listen',
      to:
        listen['to'] === undefined ? { kind: 'all', all: [] } : readStrategy(reader, listen['to'], pointerTo(at, 'to')),
      read: reader.choice(listen, 'read', at, ['data', 'envelope', 'raw'], 'data'),
      ...(foreach === undefined ? {} : { foreach }),
    };
  },

  raise(reader, task, pointer) {
    const at = pointerTo(pointer, 'raise');
    const raise = reader.object(task['raise'], at, '`raise`', ['error'], ['error']) ?? {};
    const error = raise['error'];
    if (typeof error === 'string' || error === undefined) return { kind: 'raise', error: error ?? '' };
    return { kind: 'raise', error: readError(reader, error, pointerTo(at, 'error')) };
  },

  run: readRun,

  set(reader, task, pointer) {
    const set = reader.structure(task, 'set', pointer) ?? {};
    if (isObject(set) && Object.keys(set).length === 0 && isObject(task['set']))
      reader.fault('WF101', pointerTo(pointer, 'set'), '`set` needs at least one property');
    return { kind: 'set', set };
  },

  switch(reader, task, pointer) {
    const at = pointerTo(pointer, 'switch');
    const items = reader.list(task['switch'], at, '`switch`');
    if (Array.isArray(task['switch']) && items.length === 0) reader.fault('WF105', at, 'This switch has no case');
    return { kind: 'switch', cases: items.flatMap((item, index) => readCase(reader, item, pointerTo(at, index))) };
  },

  try(reader, task, pointer, depth) {
    if (task['catch'] === undefined) reader.fault('WF101', pointer, 'A `try` task needs `catch`');
    return {
      kind: 'try',
      try: readTasks(reader, task['try'], pointerTo(pointer, 'try'), depth + 1),
      catch: readCatch(reader, task['catch'], pointerTo(pointer, 'catch'), depth),
    };
  },

  wait: (reader, task, pointer) => ({ kind: 'wait', wait: reader.duration(task['wait'], pointerTo(pointer, 'wait')) }),
};

/** The name of a variable, without the `$` that some people write before it. */
function variable(reader: Reader, from: JsonObject, name: string, pointer: string, otherwise: string): string {
  const text = reader.text(from, name, pointer);
  if (text === undefined) return otherwise;
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) return text;
  reader.fault(
    'WF101',
    pointerTo(pointer, name),
    `"${text}" is not the name of a variable`,
    'Letters, digits and _, without $',
  );
  return otherwise;
}

function readForeach(reader: Reader, value: Json | undefined, pointer: string, depth: number) {
  if (value === undefined) return undefined;
  const foreach = reader.object(value, pointer, '`foreach`', ['item', 'at', 'do', 'output', 'export']);
  if (!foreach) return undefined;
  return {
    item: variable(reader, foreach, 'item', pointer, 'item'),
    at: variable(reader, foreach, 'at', pointer, 'index'),
    do: foreach['do'] === undefined ? [] : readTasks(reader, foreach['do'], pointerTo(pointer, 'do'), depth + 1),
    output: readFilter(reader, foreach['output'], pointerTo(pointer, 'output'), 'as'),
    export: readFilter(reader, foreach['export'], pointerTo(pointer, 'export'), 'as'),
  };
}

const RUN_REFUSED = {
  container: 'Containers are not run: a workflow may not start processes; put an MCP server in front of it',
  script: 'Scripts are not run: a workflow may not start processes; offer the code as a tool of an MCP server',
  shell: 'Shell commands are not run: a workflow may not start processes; offer the command as a tool of an MCP server',
} as const;

function readRun(reader: Reader, task: JsonObject, pointer: string): Own<'run'> {
  const at = pointerTo(pointer, 'run');
  const none: Own<'run'> = {
    kind: 'run',
    await: true,
    workflow: { namespace: '', name: '', version: 'latest', input: null },
  };
  const run = reader.object(task['run'], at, '`run`', ['workflow', 'container', 'script', 'shell', 'await', 'return']);
  if (!run) return none;
  const refused = (['container', 'script', 'shell'] as const).filter((name) => run[name] !== undefined);
  for (const name of refused) reader.fault('WF111', pointerTo(at, name), RUN_REFUSED[name]);
  if (refused.length > 0) return none;
  if (run['workflow'] === undefined) {
    reader.fault('WF101', at, '`run` needs `workflow`');
    return none;
  }
  const workflowAt = pointerTo(at, 'workflow');
  const known = ['namespace', 'name', 'version', 'input'];
  const workflow = reader.object(run['workflow'], workflowAt, '`workflow`', known, ['namespace', 'name']) ?? {};
  return {
    kind: 'run',
    await: reader.flag(run, 'await', at, true),
    workflow: {
      namespace: reader.text(workflow, 'namespace', workflowAt) ?? '',
      name: reader.text(workflow, 'name', workflowAt) ?? '',
      version: reader.text(workflow, 'version', workflowAt) ?? 'latest',
      input: reader.structure(workflow, 'input', workflowAt) ?? null,
    },
  };
}

function readCase(reader: Reader, item: Json, pointer: string): SwitchCase[] {
  const entries = isObject(item) ? Object.entries(item) : [];
  const entry = entries[0];
  if (entry === undefined || entries.length !== 1) {
    reader.fault(
      'WF109',
      pointer,
      'An item of `switch` must be one named case',
      'Write `- name: { when: …, then: … }`',
    );
    return [];
  }
  const [name, definition] = entry;
  const at = pointerTo(pointer, name);
  const found = reader.object(definition, at, 'A case', ['when', 'then'], ['then']);
  if (!found) return [];
  const when = reader.text(found, 'when', at);
  const then = reader.text(found, 'then', at) ?? 'continue';
  return [{ name, pointer: at, ...(when === undefined ? {} : { when }), then }];
}

function readCatch(reader: Reader, value: Json | undefined, pointer: string, depth: number): CatchClause {
  if (value === undefined) return { as: 'error' };
  const known = ['errors', 'as', 'when', 'exceptWhen', 'retry', 'do'];
  const clause = reader.object(value, pointer, '`catch`', known);
  if (!clause) return { as: 'error' };
  const filter = readErrorFilter(reader, clause['errors'], pointerTo(pointer, 'errors'));
  const when = reader.text(clause, 'when', pointer);
  const exceptWhen = reader.text(clause, 'exceptWhen', pointer);
  const retry = clause['retry'];
  return {
    as: variable(reader, clause, 'as', pointer, 'error'),
    ...(filter === undefined ? {} : { filter }),
    ...(when === undefined ? {} : { when }),
    ...(exceptWhen === undefined ? {} : { exceptWhen }),
    ...(retry === undefined
      ? {}
      : { retry: typeof retry === 'string' ? retry : readRetry(reader, retry, pointerTo(pointer, 'retry')) }),
    ...(clause['do'] === undefined ? {} : { do: readTasks(reader, clause['do'], pointerTo(pointer, 'do'), depth + 1) }),
  };
}

function readErrorFilter(reader: Reader, value: Json | undefined, pointer: string): CatchClause['filter'] {
  if (value === undefined) return undefined;
  const errors = reader.object(value, pointer, '`errors`', ['with']);
  if (errors?.['with'] === undefined) return undefined;
  const at = pointerTo(pointer, 'with');
  const filter = reader.object(errors['with'], at, '`with`', ['type', 'status', 'instance', 'title', 'details']);
  if (!filter) return undefined;
  const texts = (['type', 'instance', 'title', 'details'] as const).map(
    (name) => [name, reader.text(filter, name, at)] as const,
  );
  const status = reader.integer(filter, 'status', at);
  return {
    ...Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
    ...(status === undefined ? {} : { status }),
  };
}
