import type { Outbound } from '@mcp-router/platform';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import { readAnswer } from '../engine/agent';
import { WorkflowFault } from '../engine/fault';
import { ask, type ModelSettings } from './model';

const TRIES = 2;

/**
 * `call: llm`: asks an OpenAI-compatible model. With a schema the answer is JSON that matches it; one that does not is
 * sent back once with what is wrong. Without one the output is `{ text }`.
 */
export async function askModel(
  outbound: Outbound,
  settings: ModelSettings,
  args: JsonObject,
  signal: AbortSignal,
): Promise<Json> {
  const schema = isObject(args['schema']) ? args['schema'] : undefined;
  const { model, temperature, maxTokens } = args;
  const messages = messagesOf(args, schema);
  let problem = '';
  for (let tries = 0; tries < TRIES; tries++) {
    const question = { messages, schema, model, temperature, maxTokens };
    const { text } = await ask(outbound, settings, question, signal);
    if (!schema) return { text };
    const { value, fault } = readAnswer(text, schema);
    if (fault === undefined) return value;
    problem = fault;
    messages.push(
      { role: 'assistant', content: text },
      { role: 'user', content: `That is not valid: ${fault}. Answer again.` },
    );
  }
  throw WorkflowFault.of('validation', `The answer of the model does not match its schema: ${problem}`);
}

function messagesOf(args: JsonObject, schema: JsonObject | undefined): JsonObject[] {
  const { system, prompt, messages } = args;
  const list: JsonObject[] = [];
  if (system !== undefined) list.push({ role: 'system', content: textOf(system) });
  if (schema)
    list.push({ role: 'system', content: `Answer with JSON that matches this schema: ${JSON.stringify(schema)}` });
  if (Array.isArray(messages))
    for (const message of messages)
      if (isObject(message)) list.push({ role: textOf(message['role']), content: textOf(message['content']) });
  if (prompt !== undefined) list.push({ role: 'user', content: textOf(prompt) });
  return list;
}
