import { Cron } from 'croner';
import { isObject, type Json, type JsonObject, pointerTo } from './json';
import { readAuthentication, readError, readFilter, readRetry, readStrategy, readTimeout } from './read-components';
import { readTask, readTasks } from './read-task';
import { type DefinitionFault, describe, Reader } from './reader';
import {
  type Components,
  DEFINITION_LIMITS,
  type DefinitionLimits,
  PROTOCOLS,
  RUNTIME_FUNCTIONS,
  type Schedule,
  type Timeout,
  type Workflow,
  type WorkflowDocument,
} from './workflow';

const PROPERTIES = ['document', 'input', 'use', 'do', 'timeout', 'output', 'schedule', 'evaluate', 'metadata'];
const SEMANTIC_VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;
const LABEL = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

/**
 * Reads a definition that is already JSON. Always yields a workflow, with something harmless where a fault was found,
 * so that whoever validates can go on; run it only when no fault is an error.
 */
export function readWorkflow(
  source: JsonObject,
  limits: DefinitionLimits = DEFINITION_LIMITS,
): { workflow: Workflow; faults: DefinitionFault[] } {
  const use = isObject(source['use']) ? source['use'] : {};
  const functions = new Set(isObject(use['functions']) ? Object.keys(use['functions']) : []);
  const reader = new Reader(limits, functions);
  reader.object(source, '', 'A workflow', PROPERTIES, ['document', 'do']);
  const timeout = readTimeout(reader, source['timeout'], '/timeout');
  const schedule = readSchedule(reader, source['schedule']);
  const workflow: Workflow = {
    document: readDocument(reader, source['document']),
    input: readFilter(reader, source['input'], '/input', 'from'),
    use: readComponents(reader, source['use']),
    do: source['do'] === undefined ? [] : readTasks(reader, source['do'], '/do', 1),
    ...(timeout === undefined ? {} : { timeout }),
    output: readFilter(reader, source['output'], '/output', 'as'),
    ...(schedule === undefined ? {} : { schedule }),
    mode: readMode(reader, source['evaluate']),
    source,
  };
  return { workflow, faults: reader.faults };
}

function readDocument(reader: Reader, value: Json | undefined): WorkflowDocument {
  const at = '/document';
  const empty: WorkflowDocument = { dsl: '', namespace: '', name: '', version: '', tags: {}, metadata: {} };
  if (value === undefined) return empty;
  const known = ['dsl', 'namespace', 'name', 'version', 'title', 'summary', 'tags', 'metadata'];
  const document = reader.object(value, at, '`document`', known, ['dsl', 'namespace', 'name', 'version']);
  if (!document) return empty;
  const dsl = reader.text(document, 'dsl', at) ?? '';
  if (dsl !== '' && !(SEMANTIC_VERSION.test(dsl) && dsl.startsWith('1.0.'))) {
    const hint = "Write dsl: '1.0.3'";
    reader.fault('WF102', '/document/dsl', `The version "${dsl}" of the DSL is not supported, only 1.0`, hint);
  }
  const label = (name: 'namespace' | 'name'): string => {
    const text = reader.text(document, name, at) ?? '';
    const hint = 'Letters, digits and dashes, at most 63, a letter or digit at both ends';
    if (typeof document[name] === 'string' && !LABEL.test(text))
      reader.fault('WF110', pointerTo(at, name), `"${text}" is not a ${name} of a workflow`, hint);
    return text;
  };
  const [namespace, name] = [label('namespace'), label('name')];
  const version = reader.text(document, 'version', at) ?? '';
  if (typeof document['version'] === 'string' && !SEMANTIC_VERSION.test(version))
    reader.fault(
      'WF110',
      '/document/version',
      `"${version}" is not a semantic version`,
      'Three numbers, such as 1.0.0',
    );
  const title = reader.text(document, 'title', at);
  const summary = reader.text(document, 'summary', at);
  const mapping = (key: 'tags' | 'metadata'): JsonObject =>
    document[key] === undefined ? {} : (reader.object(document[key], pointerTo(at, key), `\`${key}\``) ?? {});
  return {
    dsl,
    namespace,
    name,
    version,
    ...(title === undefined ? {} : { title }),
    ...(summary === undefined ? {} : { summary }),
    tags: mapping('tags'),
    metadata: mapping('metadata'),
  };
}

function readMode(reader: Reader, value: Json | undefined): Workflow['mode'] {
  if (value === undefined) return 'strict';
  const evaluate = reader.object(value, '/evaluate', '`evaluate`', ['language', 'mode']) ?? {};
  const language = reader.text(evaluate, 'language', '/evaluate') ?? 'jq';
  if (language !== 'jq')
    reader.fault('WF112', '/evaluate/language', `The expression language "${language}" is not supported, only jq`);
  return reader.choice(evaluate, 'mode', '/evaluate', ['strict', 'loose'], 'strict');
}

const COMPONENTS = [
  'authentications',
  'errors',
  'extensions',
  'functions',
  'retries',
  'secrets',
  'timeouts',
  'catalogs',
];

function readComponents(reader: Reader, value: Json | undefined): Components {
  const none: Components = { authentications: {}, errors: {}, functions: {}, retries: {}, secrets: [], timeouts: {} };
  if (value === undefined) return none;
  const use = reader.object(value, '/use', '`use`', COMPONENTS);
  if (!use) return none;
  for (const name of ['extensions', 'catalogs'])
    if (use[name] !== undefined) reader.fault('WF112', pointerTo('/use', name), `\`use.${name}\` is not supported`);

  const named = <T>(name: string, read: (entry: Json, at: string) => T | undefined): Record<string, T> => {
    if (use[name] === undefined) return {};
    const at = pointerTo('/use', name);
    const found: [string, T][] = [];
    for (const [key, entry] of Object.entries(reader.object(use[name], at, `\`${name}\``) ?? {})) {
      const component = read(entry, pointerTo(at, key));
      if (component !== undefined) found.push([key, component]);
    }
    return Object.fromEntries(found);
  };
  return {
    authentications: named('authentications', (entry, at) => readAuthentication(reader, entry, at)),
    errors: named('errors', (entry, at) => readError(reader, entry, at)),
    functions: named('functions', (entry, at) => {
      checkFunctionName(reader, at);
      return readTask(reader, entry, at, 1);
    }),
    retries: named('retries', (entry, at) => readRetry(reader, entry, at)),
    secrets: reader.texts(use, 'secrets', '/use'),
    timeouts: named('timeouts', (entry, at) => {
      const timeout = readTimeout(reader, entry, at);
      return typeof timeout === 'string' ? undefined : (timeout satisfies Timeout | undefined);
    }),
  };
}

function checkFunctionName(reader: Reader, at: string): void {
  const name = at.slice('/use/functions/'.length);
  if ([...PROTOCOLS, ...RUNTIME_FUNCTIONS, 'grpc', 'asyncapi'].includes(name))
    reader.fault('WF101', at, `A function may not be named \`${name}\`: \`call: ${name}\` means something else`);
}

/** When the workflow starts by itself: one of `every`, `cron`, `after`, `on`. */
function readSchedule(reader: Reader, value: Json | undefined): Schedule | undefined {
  if (value === undefined) return undefined;
  const kinds = ['every', 'cron', 'after', 'on'] as const;
  const schedule = reader.object(value, '/schedule', '`schedule`', kinds);
  if (!schedule) return undefined;
  const chosen = kinds.filter((kind) => schedule[kind] !== undefined);
  const kind = chosen[0];
  if (kind === undefined || chosen.length > 1) {
    reader.fault('WF101', '/schedule', `\`schedule\` needs exactly one of ${kinds.join(', ')}`);
    return undefined;
  }
  const at = pointerTo('/schedule', kind);
  if (kind === 'on') return { kind, on: readStrategy(reader, schedule['on'], at) };
  if (kind === 'cron') return readCron(reader, schedule['cron'], at);
  const duration = reader.duration(schedule[kind], at);
  if ('ms' in duration && duration.ms < 1_000 && !reader.faults.some(({ pointer }) => pointer.startsWith(at)))
    reader.fault('WF107', at, 'A schedule needs at least one second between two runs');
  if (!('ms' in duration))
    reader.fault('WF107', at, 'A schedule needs a fixed duration: there is no data to compute it from');
  return kind === 'every' ? { kind, every: duration } : { kind, after: duration };
}

/** `CRON_TZ=Europe/Berlin 0 9 * * 1-5`: the time zone before the expression, as in cron itself; UTC when absent. */
function readCron(reader: Reader, value: Json | undefined, at: string): Schedule {
  const text = typeof value === 'string' ? value.trim() : '';
  const zoned = /^(?:CRON_TZ|TZ)=(\S+)\s+(.*)$/s.exec(text);
  const [timeZone, cron] = zoned ? [zoned[1] ?? 'UTC', zoned[2] ?? ''] : ['UTC', text];
  if (typeof value !== 'string') {
    reader.fault('WF108', at, `A cron expression must be text, not ${describe(value)}`);
    return { kind: 'cron', cron, timeZone };
  }
  if (!isTimeZone(timeZone)) {
    const hint = 'Use a name of the IANA list, such as CRON_TZ=Europe/Berlin 0 9 * * *';
    reader.fault('WF108', at, `"${timeZone}" is not a time zone`, hint);
    return { kind: 'cron', cron, timeZone: 'UTC' };
  }
  try {
    // Paused and without a callback: only parsed, nothing is scheduled.
    const next = new Cron(cron, { paused: true, timezone: timeZone }).nextRun();
    if (next === null) reader.fault('WF108', at, `"${cron}" never comes true`);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : 'it cannot be read';
    reader.fault(
      'WF108',
      at,
      `"${cron}" is not a cron expression: ${reason}`,
      'Five fields: minute hour day month weekday',
    );
  }
  return { kind: 'cron', cron, timeZone };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
