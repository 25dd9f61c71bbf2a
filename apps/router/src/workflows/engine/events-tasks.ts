import { v5 } from 'uuid';
import { isObject, type Json, type JsonObject } from '../definition/json';
import type { EventFilter, EventStrategy, Task } from '../definition/workflow';
import { filtersOf, matches, matchesAny, type FilterScope } from './event-match';
import type { Frame, Interpreter, TaskRunner } from './interpreter';
import { received } from './tasks';

/** Of ids of events, so that an event that is emitted again after a crash is the same event. */
const NAMESPACE = 'a3d9a3f0-6f0e-4a57-9a5c-3a0d5e3c7b11';

export const emit: TaskRunner<Task & { kind: 'emit' }> = async (run, named, input, frame, path) => {
  const attributes = (await run.resolve(named.task.event, frame, input)) as JsonObject;
  const event: JsonObject = {
    specversion: '1.0',
    id: v5(`${run.facts.id}:${path}`, NAMESPACE),
    time: new Date(frame.strand.clock).toISOString(),
    ...attributes,
  };
  return { output: await run.effects.perform(named, { kind: 'emit', event }, path, frame) };
};

/** `listen`: waits for events inside the system; the output is a list of what came. */
export const listen: TaskRunner<Task & { kind: 'listen' }> = async (run, { task }, input, frame, path) => {
  const { to, read, foreach } = task;
  const events: Json[] = [];
  const outputs: Json[] = [];
  const take = async (filter: EventStrategy): Promise<Json> => {
    const place = `${path}/event@${events.length}`;
    if (!run.journal.at(place).received) {
      const matches = (event: Json) => matchesAny(filtersOf(filter), event, scopeOf(run, frame, input));
      await run.agenda.wait(frame.strand, { kind: 'listen', path: place, strategy: filter, matches });
    }
    const event = received(run.journal.at(place), frame, place);
    const value = read === 'data' && isObject(event) ? (event['data'] ?? null) : event;
    events.push(value);
    if (foreach) {
      const index = events.length - 1;
      const variables = { ...frame.variables, [foreach.item]: value, [foreach.at]: index };
      const { output } = await run.list(foreach.do, value, { ...frame, variables }, `${path}/foreach@${index}`);
      outputs.push(await run.filter(foreach.output, { ...frame, variables }, output, 'output'));
    }
    return event;
  };
  if (to.kind === 'all') await takeAll(run, to.all, take, frame, input);
  else if (to.kind === 'one') await take(to);
  else if (to.until === undefined) await take(to);
  else await takeUntil(run, to, take, frame, input);
  return { output: foreach ? outputs : events };
};

async function takeAll(
  run: Interpreter,
  filters: EventFilter[],
  take: (filter: EventStrategy) => Promise<Json>,
  frame: Frame,
  input: Json,
): Promise<void> {
  let left = [...filters];
  while (left.length > 0) {
    const event = await take({ kind: 'any', any: left });
    for (const filter of left)
      if (await matches(filter, event, scopeOf(run, frame, input))) {
        left = left.filter((other) => other !== filter);
        break;
      }
  }
}

async function takeUntil(
  run: Interpreter,
  { any, until }: EventStrategy & { kind: 'any' },
  take: (filter: EventStrategy) => Promise<Json>,
  frame: Frame,
  input: Json,
): Promise<void> {
  const last = typeof until === 'object' ? filtersOf(until) : [];
  for (let count = 0; count < run.limits.maxIterations; count++) {
    const event = await take({ kind: 'any', any: any.length === 0 ? [] : [...any, ...last] });
    if (last.length > 0 && (await matchesAny(last, event, scopeOf(run, frame, input)))) return;
    const data = isObject(event) ? (event['data'] ?? null) : event;
    if (typeof until === 'string' && (await run.test(until, frame, data))) return;
  }
}

function scopeOf(run: Interpreter, frame: Frame, input: Json): FilterScope {
  return {
    evaluate: (text, data) => run.evaluate(text, frame, data),
    resolve: (value) => run.resolve(value, frame, input),
  };
}
