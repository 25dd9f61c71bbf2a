import { readJson, type Outbound } from '@mcp-router/platform';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import type { Turn } from '../engine/agent';
import { WorkflowFault } from '../engine/fault';
import { fakeTurn, FAKE_MODEL } from './fake-model';
import { countTokens, measureModel } from './model-metrics';

export interface ModelSettings {
  LLM_URL?: string | undefined;
  LLM_API_KEY?: string | undefined;
  LLM_MODEL?: string | undefined;
}

/** A tool as a model is told of it. */
export interface OfferedTool {
  name: string;
  description: string;
  inputSchema: JsonObject;
  isReadOnly: boolean;
}

export interface Question {
  /** `{ role, content }`; an assistant's may have `calls`, a tool's names its `call`. */
  messages: JsonObject[];
  tools?: OfferedTool[];
  schema?: JsonObject | undefined;
  model?: Json | undefined;
  temperature?: Json | undefined;
  maxTokens?: Json | undefined;
}

const MAX_ANSWER_BYTES = 4_194_304;
/** What OpenAI and those after it take as the name of a function. */
const NAME_LENGTH = 64;

/**
 * One question to the model that is configured, an OpenAI-compatible one or the fake.
 *
 * @throws WorkflowFault `configuration` without a model, `communication` with its status
 */
export async function ask(
  outbound: Outbound,
  settings: ModelSettings,
  question: Question,
  signal: AbortSignal,
): Promise<Turn> {
  const model = typeof question.model === 'string' ? question.model : settings.LLM_MODEL;
  if (model === FAKE_MODEL) return fakeTurn(question);
  const { LLM_URL: address, LLM_API_KEY: key } = settings;
  if (address === undefined || model === undefined)
    throw WorkflowFault.of('configuration', 'No model is configured: set LLM_URL and LLM_MODEL, or LLM_MODEL=fake');
  const names = new Map((question.tools ?? []).map(({ name }, index) => [wireName(name, index), name]));
  const allowed = outbound.allowing([new URL(address).hostname]);
  const startedAt = performance.now();
  let errorType = 'error';
  try {
    const response = await allowed.fetch(`${address.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      signal,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(bodyOf(question, model, names)),
    });
    if (!response.ok) {
      await response.body?.cancel();
      errorType = String(response.status);
      throw WorkflowFault.of('communication', `The model answered ${response.status}`, { status: response.status });
    }
    const reply = (await readJson(response, MAX_ANSWER_BYTES)) as Json;
    countTokens(model, reply);
    errorType = '';
    return turnOf(reply, names);
  } finally {
    measureModel(model, performance.now() - startedAt, errorType);
    await allowed.close();
  }
}

function bodyOf(
  { messages, tools = [], schema, temperature, maxTokens }: Question,
  model: string,
  names: ReadonlyMap<string, string>,
): object {
  const wireNames = new Map([...names].map(([wire, name]) => [name, wire]));
  const nameOf = (tool: string) => wireNames.get(tool) ?? wireName(tool, 0);
  return {
    model,
    messages: messages.map((message) => wireMessage(message, nameOf)),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }) => ({
            type: 'function',
            function: { name: nameOf(name), description, parameters: inputSchema },
          })),
        }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    // With tools the model has to be free to call one instead.
    ...(schema && tools.length === 0 ? { response_format: { type: 'json_object' } } : {}),
  };
}

function wireMessage(message: JsonObject, nameOf: (tool: string) => string): JsonObject {
  const { role = 'user', content = '', calls, call } = message;
  if (call !== undefined) return { role, content, tool_call_id: call };
  if (!Array.isArray(calls)) return { role, content };
  const toolCalls = (calls as Turn['calls']).map(({ id, tool, arguments: args }) => ({
    id,
    type: 'function',
    function: { name: nameOf(tool), arguments: JSON.stringify(args) },
  }));
  return { role, content, tool_calls: toolCalls };
}

function turnOf(reply: Json, names: ReadonlyMap<string, string>): Turn {
  const choices = isObject(reply) && Array.isArray(reply['choices']) ? reply['choices'] : [];
  const message = isObject(choices[0]) ? choices[0]['message'] : undefined;
  if (!isObject(message)) return { text: '', calls: [] };
  const wanted = Array.isArray(message['tool_calls']) ? message['tool_calls'] : [];
  const calls = wanted.flatMap((entry, index) => {
    const called = isObject(entry) ? entry['function'] : undefined;
    if (!isObject(entry) || !isObject(called)) return [];
    const name = textOf(called['name']);
    const id = typeof entry['id'] === 'string' ? entry['id'] : `call_${index}`;
    return [{ id, tool: names.get(name) ?? name, arguments: argumentsIn(called['arguments']) }];
  });
  return { text: typeof message['content'] === 'string' ? message['content'] : '', calls };
}

/** What is no JSON is given to the tool as it is, which then says what it wants. */
function argumentsIn(value: Json | undefined): JsonObject {
  if (isObject(value)) return value;
  if (typeof value !== 'string' || value.trim() === '') return {};
  try {
    const read = JSON.parse(value) as Json;
    return isObject(read) ? read : { value: read };
  } catch {
    return { value };
  }
}

function wireName(name: string, index: number): string {
  const plain = name.replaceAll(/[^\w-]/g, '_');
  return plain === name && name.length <= NAME_LENGTH ? name : `${plain.slice(0, NAME_LENGTH - 4)}_${index}`;
}
