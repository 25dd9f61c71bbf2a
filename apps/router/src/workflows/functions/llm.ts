import { readJson, type Outbound } from '@mcp-router/platform';
import { isObject, type Json, type JsonObject } from '../definition/json';
import { SchemaCheck } from '../engine/schema-check';
import { WorkflowFault } from '../engine/fault';
import { fakeAnswer, FAKE_MODEL } from './fake-model';

export interface ModelSettings {
  LLM_URL?: string | undefined;
  LLM_API_KEY?: string | undefined;
  LLM_MODEL?: string | undefined;
}

interface Message {
  role: string;
  content: string;
}

const MAX_ANSWER_BYTES = 4_194_304;
const TRIES = 2;
const schemas = new SchemaCheck();

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
  const messages = messagesOf(args, schema);
  let problem = '';
  for (let tries = 0; tries < TRIES; tries++) {
    const answer = await complete(outbound, settings, args, messages, schema, signal);
    if (!schema) return { text: answer };
    const { value, fault } = read(answer, schema);
    if (fault === undefined) return value;
    problem = fault;
    messages.push(
      { role: 'assistant', content: answer },
      { role: 'user', content: `That is not valid: ${fault}. Answer again.` },
    );
  }
  throw WorkflowFault.of('validation', `The answer of the model does not match its schema: ${problem}`);
}

function messagesOf(args: JsonObject, schema: JsonObject | undefined): Message[] {
  const { system, prompt, messages } = args;
  const text = (value: Json | undefined) => (typeof value === 'string' ? value : JSON.stringify(value ?? null));
  const list: Message[] = [];
  if (system !== undefined) list.push({ role: 'system', content: text(system) });
  if (schema)
    list.push({ role: 'system', content: `Answer with JSON that matches this schema: ${JSON.stringify(schema)}` });
  if (Array.isArray(messages))
    for (const message of messages)
      if (isObject(message)) list.push({ role: text(message['role']), content: text(message['content']) });
  if (prompt !== undefined) list.push({ role: 'user', content: text(prompt) });
  return list;
}

async function complete(
  outbound: Outbound,
  settings: ModelSettings,
  args: JsonObject,
  messages: Message[],
  schema: JsonObject | undefined,
  signal: AbortSignal,
): Promise<string> {
  const model = typeof args['model'] === 'string' ? args['model'] : settings.LLM_MODEL;
  if (model === FAKE_MODEL) return fakeAnswer(messages.at(-1)?.content ?? '', schema);
  if (settings.LLM_URL === undefined || model === undefined)
    throw WorkflowFault.of('configuration', 'No model is configured: set LLM_URL and LLM_MODEL, or LLM_MODEL=fake');
  const allowed = outbound.allowing([new URL(settings.LLM_URL).hostname]);
  try {
    const response = await allowed.fetch(`${settings.LLM_URL.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      signal,
      headers: {
        'content-type': 'application/json',
        ...(settings.LLM_API_KEY === undefined ? {} : { authorization: `Bearer ${settings.LLM_API_KEY}` }),
      },
      body: JSON.stringify({
        model,
        messages,
        ...(args['temperature'] === undefined ? {} : { temperature: args['temperature'] }),
        ...(args['maxTokens'] === undefined ? {} : { max_tokens: args['maxTokens'] }),
        ...(schema ? { response_format: { type: 'json_object' } } : {}),
      }),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw WorkflowFault.of('communication', `The model answered ${response.status}`, { status: response.status });
    }
    const reply = (await readJson(response, MAX_ANSWER_BYTES)) as { choices?: { message?: { content?: string } }[] };
    return reply.choices?.[0]?.message?.content ?? '';
  } finally {
    await allowed.close();
  }
}

function read(answer: string, schema: JsonObject): { value: Json; fault?: string } {
  const bare = answer.replace(/^\s*```(?:json)?\s*|\s*```\s*$/g, '');
  try {
    const value = JSON.parse(bare) as Json;
    const fault = schemas.faults(schema, value);
    return fault === undefined ? { value } : { value, fault };
  } catch {
    return { value: null, fault: 'it is not JSON' };
  }
}
