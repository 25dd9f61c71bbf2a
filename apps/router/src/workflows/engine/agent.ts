import { isToolAllowed } from '@mcp-router/shared';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import type { CallTask, NamedTask } from '../definition/workflow';
import { WorkflowFault } from './fault';
import type { Frame, Interpreter } from './interpreter';
import { SchemaCheck } from './schema-check';

const USUAL_TURNS = 10;
const MOST_TURNS = 50;
/** Of what a tool says, the model gets so many characters. */
const MAX_TOLD = 65_536;

const schemas = new SchemaCheck();

/** What a model says in one turn: words, or tools that it wants to be called. */
export interface Turn extends JsonObject {
  text: string;
  calls: { id: string; tool: string; arguments: JsonObject }[];
}

/**
 * `call: agent`: a model and an allow-list of tools, in turns, until the model answers instead of calling. Each turn
 * and each call is an effect of its own in the history, so after a crash the conversation goes on where it was.
 *
 * With a schema the output is the answer that matches it, which the model may correct once; else it is `{ text }`.
 *
 * @throws WorkflowFault `runtime` when it takes too many turns, `validation` when the answer does not match
 */
export async function agentCall(
  run: Interpreter,
  named: NamedTask & { task: CallTask },
  args: JsonObject,
  input: Json,
  frame: Frame,
  path: string,
): Promise<Json> {
  const { task } = named;
  const { prompt, system, schema, tools, maxTurns, ...model } = args;
  const patterns = Array.isArray(tools) ? tools.map(textOf) : [textOf(tools)];
  const messages = opening(system, prompt, schema);
  const most = Math.min(MOST_TURNS, Number(maxTurns ?? USUAL_TURNS));
  let told = 0;
  let isCorrected = false;
  for (let count = 0; count < most; count++) {
    const place = `${path}/turn@${count}`;
    const turn = (await run.effects.perform(
      named,
      {
        kind: 'call',
        step: 'turn',
        task,
        args: { ...model, messages, tools: patterns, ...(schema === undefined ? {} : { schema }) },
        input,
        shown: { turn: count + 1, messages: messages.slice(told) },
      },
      place,
      frame,
    )) as Turn;
    told = messages.length;
    messages.push({ role: 'assistant', content: turn.text, ...(turn.calls.length > 0 ? { calls: turn.calls } : {}) });
    if (turn.calls.length === 0) {
      if (!isObject(schema)) return { text: turn.text };
      const { value, fault } = readAnswer(turn.text, schema);
      if (fault === undefined) return value;
      if (isCorrected)
        throw WorkflowFault.of('validation', `The answer of the model does not match its schema: ${fault}`);
      isCorrected = true;
      messages.push({ role: 'user', content: `That is not valid: ${fault}. Answer again.` });
    }
    for (const [index, call] of turn.calls.entries()) {
      const said = await use(run, named, call, patterns, frame, `${place}/${index}`);
      messages.push({ role: 'tool', call: call.id, content: said.slice(0, MAX_TOLD) });
    }
  }
  throw WorkflowFault.of('runtime', `The agent did not come to an end within ${most} turns`);
}

function opening(system: Json | undefined, prompt: Json | undefined, schema: Json | undefined): JsonObject[] {
  return [
    ...(system === undefined ? [] : [{ role: 'system', content: textOf(system) }]),
    ...(isObject(schema)
      ? [
          {
            role: 'system',
            content: `When you are done answer with JSON that matches this schema: ${JSON.stringify(schema)}`,
          },
        ]
      : []),
    { role: 'user', content: textOf(prompt) },
  ];
}

/** Calls a tool for the model. What goes wrong there is told to the model, which may do better. */
async function use(
  run: Interpreter,
  named: NamedTask & { task: CallTask },
  { tool, arguments: args }: Turn['calls'][number],
  patterns: string[],
  frame: Frame,
  path: string,
): Promise<string> {
  if (!isToolAllowed({ allow: patterns, deny: [] }, tool)) return `error: you may not call \`${tool}\``;
  const task: CallTask = { ...named.task, call: tool, target: 'tool', with: {} };
  try {
    const output = await run.effects.perform(named, { kind: 'call', task, args, input: null }, path, frame);
    return isObject(output) && typeof output['text'] === 'string' && 'content' in output
      ? output['text']
      : JSON.stringify(output);
  } catch (thrown) {
    if (!(thrown instanceof WorkflowFault)) throw thrown;
    return `error: ${thrown.error.detail ?? thrown.error.type}`;
  }
}

/** The answer of a model as JSON, and what of it does not match. */
export function readAnswer(answer: string, schema: JsonObject): { value: Json; fault?: string } {
  const bare = answer.replace(/^\s*```(?:json)?\s*|\s*```\s*$/g, '');
  try {
    const value = JSON.parse(bare) as Json;
    const fault = schemas.faults(schema, value);
    return fault === undefined ? { value } : { value, fault };
  } catch {
    return { value: null, fault: 'it is not JSON' };
  }
}
