import { isObject, type Json, type JsonObject } from '../../definition/json';
import { Expressions, type Scope } from '../../expressions/evaluate';
import { compileExpression, compileTemplate } from '../../expressions/expression';

/**
 * What a definition means, in memory and nothing else: no history, no crash, no clock. It reads the document as it is
 * written and shares only the evaluator of expressions with the engine. Branches run one after the other, waits take no
 * time, and what waits longer than its limit, or against a branch that does not wait, has lost.
 */
export interface ReferenceWorld {
  call(args: JsonObject): Json;
  definitions: Readonly<Record<string, JsonObject>>;
}

export class ReferenceError extends Error {
  constructor(readonly problem: { type: string; status: number; instance: string }) {
    super(problem.type);
  }
}

interface Place {
  pointer: string;
  variables: Scope;
  state: { context: Json };
}

type Step = { output: Json; then?: string; isEnd?: boolean };

const expressions = new Expressions();
const TYPES = 'https://serverlessworkflow.io/spec/1.0.0/errors/';
/** A wait of this much or more is one that nobody waits for. */
const LONG_MS = 60_000;

/** @throws ReferenceError what the run faults with */
export async function reference(definition: JsonObject, input: Json, world: ReferenceWorld): Promise<Json> {
  const variables = { workflow: { input } };
  const place = { pointer: '/do', variables, state: { context: null } };
  return (await list(definition['do'] as JsonObject[], input, place, world)).output;
}

async function list(tasks: JsonObject[], input: Json, place: Place, world: ReferenceWorld): Promise<Step> {
  let data = input;
  for (let index = 0; index < tasks.length;) {
    const [name, body] = Object.entries(tasks[index] as JsonObject)[0] as [string, JsonObject];
    const step = await task(name, body, data, { ...place, pointer: `${place.pointer}/${index}/${name}` }, world);
    data = step.output;
    if (step.isEnd || step.then === 'end') return { output: data, isEnd: true };
    if (step.then === 'exit') break;
    const isNamed = step.then !== undefined && step.then !== 'continue';
    index = isNamed ? tasks.findIndex((each) => Object.keys(each)[0] === step.then) : index + 1;
  }
  return { output: data };
}

async function task(name: string, body: JsonObject, raw: Json, place: Place, world: ReferenceWorld): Promise<Step> {
  const { state, pointer } = place;
  const scope = (more: Scope): Scope => ({ ...place.variables, context: state.context, task: { name }, ...more });
  try {
    const condition = body['if'];
    if (typeof condition === 'string' && !isTrue(await evaluate(condition, raw, scope({})))) return { output: raw };
    const input = await filtered(body['input'], 'from', raw, scope({}));
    const inside = { ...place, variables: { ...place.variables, input, task: { name } } };
    const limit = isObject(body['timeout']) && milliseconds(body['timeout']['after']);
    if (typeof limit === 'number' && isLong(body)) throw fault('timeout', 408, pointer);
    const result = await perform(body, input, inside, world);
    const output = await filtered(body['output'], 'as', result.output, scope({ input }));
    const exporting = body['export'];
    if (isObject(exporting)) state.context = await filtered(exporting, 'as', output, scope({ input, output }));
    const then = result.then ?? (body['then'] as string | undefined);
    return { output, ...(then === undefined ? {} : { then }), ...(result.isEnd ? { isEnd: true } : {}) };
  } catch (thrown) {
    if (thrown instanceof ReferenceError) throw thrown;
    throw fault('expression', 400, pointer);
  }
}

async function perform(body: JsonObject, input: Json, place: Place, world: ReferenceWorld): Promise<Step> {
  const { pointer, variables, state } = place;
  const scope = { ...variables, context: state.context };
  const sublist = (tasks: Json | undefined, data: Json, suffix: string, more: Scope = {}) =>
    list(
      tasks as JsonObject[],
      data,
      { ...place, pointer: pointer + suffix, variables: { ...variables, ...more } },
      world,
    );
  if ('set' in body) return { output: await resolve(body['set'], input, scope) };
  if ('wait' in body) return { output: input };
  if ('raise' in body) {
    const { error } = body['raise'] as { error: { type: string; status: number } };
    throw new ReferenceError({ ...error, instance: pointer });
  }
  if ('call' in body) {
    const result = world.call((await resolve(body['with'] as Json, input, scope)) as JsonObject);
    if (isObject(result) && typeof result['status'] === 'number')
      throw fault('communication', result['status'], pointer);
    return { output: result };
  }
  if ('emit' in body)
    return { output: await resolve((body['emit'] as { event: { with: Json } }).event.with, input, scope) };
  if ('run' in body) {
    const { workflow } = body['run'] as { workflow: { name: string; input: Json } };
    const child = world.definitions[workflow.name] as JsonObject;
    try {
      return { output: await reference(child, await resolve(workflow.input, input, scope), world) };
    } catch (thrown) {
      throw thrown instanceof ReferenceError ? thrown : fault('expression', 400, pointer);
    }
  }
  if ('switch' in body) {
    const cases = (body['switch'] as JsonObject[]).map((each) => Object.values(each)[0] as JsonObject);
    for (const { when, then } of cases)
      if (when === undefined || isTrue(await evaluate(when as string, input, scope)))
        return { output: input, then: then as string };
    return { output: input };
  }
  if ('for' in body) {
    const { each = 'item', at = 'index', in: items } = body['for'] as Record<string, string>;
    const all = await evaluate(items as string, input, scope);
    if (!Array.isArray(all)) throw fault('expression', 400, pointer);
    let step: Step = { output: input };
    for (const [index, item] of all.entries()) {
      const more = { [each]: item, [at]: index };
      const condition = body['while'];
      if (typeof condition === 'string') {
        const isOn = await evaluate(condition, step.output, { ...scope, ...more, context: state.context });
        if (!isTrue(isOn)) break;
      }
      step = await sublist(body['do'], step.output, '/do', more);
      if (step.isEnd) break;
    }
    return step;
  }
  if ('fork' in body) {
    const { branches, compete } = body['fork'] as { branches: JsonObject[]; compete?: boolean };
    const outputs: Json[] = [];
    let merged = null as Json;
    for (const [index, branch] of branches.entries()) {
      const [name, inner] = Object.entries(branch)[0] as [string, JsonObject];
      if (compete && isLong(inner)) continue;
      const own = { ...place, state: { context: state.context }, pointer: `${pointer}/fork/branches/${index}/${name}` };
      const { output } = await task(name, inner, input, own, world);
      const { context } = own.state;
      if (compete) {
        state.context = context;
        return { output };
      }
      outputs.push(output);
      merged = isObject(merged) && isObject(context) ? { ...merged, ...context } : (context ?? merged);
    }
    state.context = merged;
    return { output: outputs };
  }
  if ('try' in body) {
    const { errors, as = 'error', retry, do: handler } = body['catch'] as JsonObject;
    const retries = isObject(retry) ? (retry['limit'] as { attempt: { count: number } }).attempt.count : 0;
    for (let left = retries; ; left--) {
      try {
        return await sublist(body['try'], input, '/try');
      } catch (thrown) {
        if (!(thrown instanceof ReferenceError)) throw thrown;
        const { problem } = thrown;
        const wanted = isObject(errors) ? (errors['with'] as { status: number }).status : problem.status;
        if (problem.status !== wanted) throw thrown;
        if (left > 0) continue;
        if (!handler) return { output: input };
        return sublist(handler, input, '/catch/do', { [as as string]: { ...problem } });
      }
    }
  }
  return sublist(body['do'], input, '/do');
}

function fault(kind: string, status: number, instance: string): ReferenceError {
  return new ReferenceError({ type: TYPES + kind, status, instance });
}

async function evaluate(text: string, data: Json, scope: Scope): Promise<Json> {
  return expressions.evaluate(compileExpression(text), scope, data);
}

async function resolve(value: Json, data: Json, scope: Scope): Promise<Json> {
  return expressions.resolve(compileTemplate(value, 'strict'), scope, data);
}

async function filtered(filter: Json | undefined, key: string, data: Json, scope: Scope): Promise<Json> {
  const how = isObject(filter) ? filter[key] : undefined;
  return typeof how === 'string' ? evaluate(how, data, scope) : data;
}

function isTrue(value: Json): boolean {
  return value !== false && value !== null;
}

function isLong(body: JsonObject): boolean {
  const first = Array.isArray(body['do']) ? Object.values(body['do'][0] as JsonObject)[0] : body;
  return isObject(first) && milliseconds(first['wait']) >= LONG_MS;
}

function milliseconds(duration: Json | undefined): number {
  if (!isObject(duration)) return 0;
  return Number(duration['milliseconds'] ?? 0) + Number(duration['hours'] ?? 0) * 3_600_000;
}
