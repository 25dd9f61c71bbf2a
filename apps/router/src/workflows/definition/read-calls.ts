import { isObject, type Json, type JsonObject, pointerTo } from './json';
import { readAuthentication } from './read-components';
import { describe, isExpression, type Reader } from './reader';
import { type CallTarget, PROTOCOLS, RUNTIME_FUNCTIONS } from './workflow';

/** Which of the things that `call` may name this is. */
function callTarget(call: string, functions: ReadonlySet<string>): CallTarget {
  const named = [...PROTOCOLS, ...RUNTIME_FUNCTIONS].find((name) => name === call);
  if (named) return named;
  return !functions.has(call) && call.includes('__') ? 'tool' : 'function';
}

const REFUSED: Readonly<Record<string, string>> = {
  grpc: 'gRPC calls are refused: the router speaks MCP and HTTP; put an MCP server in front of the service',
  asyncapi: 'AsyncAPI calls are refused: events travel inside the router, with `emit` and `listen`',
};

/** What each protocol and runtime function takes in `with`: its properties, and those it needs. */
const ARGUMENTS: Readonly<Record<Exclude<CallTarget, 'tool' | 'function'>, { known: string[]; required: string[] }>> = {
  http: {
    known: ['method', 'endpoint', 'headers', 'body', 'query', 'output', 'redirect'],
    required: ['method', 'endpoint'],
  },
  openapi: {
    known: ['document', 'operationId', 'parameters', 'authentication', 'output', 'redirect'],
    required: ['document', 'operationId'],
  },
  a2a: { known: ['agentCard', 'server', 'method', 'parameters'], required: ['method'] },
  mcp: {
    known: ['protocolVersion', 'method', 'parameters', 'timeout', 'transport', 'client'],
    required: ['method', 'transport'],
  },
  llm: { known: ['prompt', 'messages', 'system', 'model', 'schema', 'temperature', 'maxTokens'], required: [] },
  agent: { known: ['prompt', 'system', 'model', 'tools', 'maxTurns', 'schema'], required: ['prompt', 'tools'] },
  approve: { known: ['message', 'schema', 'assignees', 'timeout', 'onTimeout'], required: ['message'] },
  prompt: { known: ['name', 'arguments'], required: ['name'] },
  resource: { known: ['uri', 'server'], required: ['uri'] },
};

const MCP_METHODS = [
  'tools/list',
  'tools/call',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/read',
  'resources/templates/list',
];
const A2A_METHODS = [
  'message/send',
  'message/stream',
  'tasks/get',
  'tasks/list',
  'tasks/cancel',
  'tasks/resubscribe',
  'tasks/pushNotificationConfig/set',
  'tasks/pushNotificationConfig/get',
  'tasks/pushNotificationConfig/list',
  'tasks/pushNotificationConfig/delete',
  'agent/getAuthenticatedExtendedCard',
];
const HTTP_OUTPUTS = ['raw', 'content', 'response'];
const URI_TEMPLATE = /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/.*/s;

/** Checks the shape of a call's arguments; what a tool takes is checked against the catalogue, later. */
export function readCall(
  reader: Reader,
  task: JsonObject,
  pointer: string,
): { call: string; target: CallTarget; with: JsonObject } {
  const call = reader.text(task, 'call', pointer) ?? '';
  const callAt = pointerTo(pointer, 'call');
  const target = callTarget(call, reader.functions);
  const refusal = REFUSED[call];
  if (refusal !== undefined) {
    reader.fault('WF111', callAt, refusal);
    return { call, target, with: {} };
  }
  if (target === 'function' && !reader.functions.has(call) && /[@/]/.test(call)) {
    const hint = 'Define the function under `use.functions`';
    reader.fault('WF112', callAt, 'Functions of catalogs and of other addresses are not supported', hint);
  }
  const at = pointerTo(pointer, 'with');
  if (target === 'tool' || target === 'function') {
    if (task['with'] === undefined) return { call, target, with: {} };
    return { call, target, with: reader.object(task['with'], at, '`with`') ?? {} };
  }
  const { known, required } = ARGUMENTS[target];
  if (task['with'] === undefined) {
    const needs = required.length > 0 ? required : ['prompt'];
    reader.fault('WF101', pointer, `\`call: ${target}\` needs \`with\` (${needs.join(', ')})`);
    return { call, target, with: {} };
  }
  const args = reader.object(task['with'], at, `\`call: ${target}\``, known, required) ?? {};
  CHECKS[target]?.(reader, args, at);
  return { call, target, with: args };
}

type Check = (reader: Reader, args: JsonObject, at: string) => void;

const CHECKS: Partial<Record<CallTarget, Check>> = {
  http(reader, args, at) {
    reader.text(args, 'method', at);
    checkEndpoint(reader, args['endpoint'], pointerTo(at, 'endpoint'));
    checkNamedTexts(reader, args, 'headers', at);
    checkNamedTexts(reader, args, 'query', at);
    checkChoice(reader, args, 'output', at, HTTP_OUTPUTS);
    reader.flag(args, 'redirect', at, false);
  },
  openapi(reader, args, at) {
    checkResource(reader, args['document'], pointerTo(at, 'document'));
    reader.text(args, 'operationId', at);
    reader.structure(args, 'parameters', at);
    if (args['authentication'] !== undefined)
      readAuthentication(reader, args['authentication'], pointerTo(at, 'authentication'));
    checkChoice(reader, args, 'output', at, HTTP_OUTPUTS);
    reader.flag(args, 'redirect', at, false);
  },
  a2a(reader, args, at) {
    checkChoice(reader, args, 'method', at, A2A_METHODS);
    if (args['agentCard'] === undefined && args['server'] === undefined)
      reader.fault('WF101', at, '`call: a2a` needs `agentCard` or `server`');
    if (args['agentCard'] !== undefined) checkResource(reader, args['agentCard'], pointerTo(at, 'agentCard'));
    checkEndpoint(reader, args['server'], pointerTo(at, 'server'));
    reader.structure(args, 'parameters', at);
  },
  mcp(reader, args, at) {
    checkChoice(reader, args, 'method', at, MCP_METHODS);
    reader.text(args, 'protocolVersion', at);
    reader.structure(args, 'parameters', at);
    if (args['timeout'] !== undefined) reader.duration(args['timeout'], pointerTo(at, 'timeout'));
    if (args['transport'] !== undefined) checkTransport(reader, args['transport'], pointerTo(at, 'transport'));
  },
  llm(reader, args, at) {
    if ((args['prompt'] === undefined) === (args['messages'] === undefined))
      reader.fault('WF101', at, '`call: llm` needs either `prompt` or `messages`');
    reader.text(args, 'prompt', at);
    reader.text(args, 'system', at);
    reader.text(args, 'model', at);
    if (Array.isArray(args['messages'])) checkMessages(reader, args['messages'], pointerTo(at, 'messages'));
    checkNumber(reader, args, 'temperature', at, 0, 2);
    checkNumber(reader, args, 'maxTokens', at, 1, 1_000_000);
  },
  agent(reader, args, at) {
    reader.text(args, 'prompt', at);
    reader.text(args, 'system', at);
    reader.text(args, 'model', at);
    if (!isText(args['tools'])) reader.texts(args, 'tools', at);
    checkNumber(reader, args, 'maxTurns', at, 1, 50);
  },
  approve(reader, args, at) {
    reader.text(args, 'message', at);
    if (!isText(args['assignees'])) reader.texts(args, 'assignees', at);
    if (args['timeout'] !== undefined) reader.duration(args['timeout'], pointerTo(at, 'timeout'));
    reader.choice(args, 'onTimeout', at, ['fail', 'approve', 'reject'], 'fail');
  },
  prompt(reader, args, at) {
    reader.text(args, 'name', at);
    reader.structure(args, 'arguments', at);
  },
  resource(reader, args, at) {
    reader.text(args, 'uri', at);
    reader.text(args, 'server', at);
  },
};

function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && isExpression(value);
}

function checkChoice(reader: Reader, args: JsonObject, name: string, at: string, choices: readonly string[]): void {
  if (!isText(args[name])) reader.choice(args, name, at, choices, '');
}

function checkNumber(reader: Reader, args: JsonObject, name: string, at: string, low: number, high: number): void {
  const value = args[name];
  if (value === undefined || isText(value) || (typeof value === 'number' && value >= low && value <= high)) return;
  reader.fault(
    'WF101',
    pointerTo(at, name),
    `\`${name}\` must be a number from ${low} to ${high}, not ${describe(value)}`,
  );
}

function checkMessages(reader: Reader, messages: Json[], at: string): void {
  messages.forEach((entry, index) => {
    const messageAt = pointerTo(at, index);
    const message = reader.object(entry, messageAt, 'A message', ['role', 'content'], ['role', 'content']);
    if (message) reader.choice(message, 'role', messageAt, ['system', 'user', 'assistant'], 'user');
  });
}

function checkNamedTexts(reader: Reader, args: JsonObject, name: string, at: string): void {
  const value = reader.structure(args, name, at);
  if (!isObject(value)) return;
  for (const key of Object.keys(value)) reader.text(value, key, pointerTo(at, name));
}

/** An address, an expression, or `{ uri, authentication }`. */
function checkEndpoint(reader: Reader, value: Json | undefined, pointer: string): void {
  if (value === undefined) return;
  if (isObject(value)) {
    reader.object(value, pointer, '`endpoint`', ['uri', 'authentication'], ['uri']);
    if (value['uri'] !== undefined) checkUri(reader, value['uri'], pointerTo(pointer, 'uri'));
    if (value['authentication'] !== undefined)
      readAuthentication(reader, value['authentication'], pointerTo(pointer, 'authentication'));
  } else checkUri(reader, value, pointer);
}

function checkUri(reader: Reader, value: Json, pointer: string): void {
  if (typeof value === 'string' && (isExpression(value) || URI_TEMPLATE.test(value))) return;
  const hint = 'Write an address such as https://example.com/{id}, or ${ an expression }';
  reader.fault('WF101', pointer, `An address was expected, not ${describe(value)}`, hint);
}

function checkResource(reader: Reader, value: Json | undefined, pointer: string): void {
  if (value === undefined) return;
  const resource = reader.object(value, pointer, 'An external resource', ['name', 'endpoint'], ['endpoint']);
  if (resource) checkEndpoint(reader, resource['endpoint'], pointerTo(pointer, 'endpoint'));
}

function checkTransport(reader: Reader, value: Json, pointer: string): void {
  const transport = reader.object(value, pointer, '`transport`', ['http', 'stdio', 'options']);
  if (!transport) return;
  if ((transport['http'] === undefined) === (transport['stdio'] === undefined))
    reader.fault('WF101', pointer, '`transport` needs either `http` or `stdio`');
  if (transport['http'] !== undefined) {
    const at = pointerTo(pointer, 'http');
    const http = reader.object(transport['http'], at, '`http`', ['endpoint', 'headers'], ['endpoint']) ?? {};
    checkEndpoint(reader, http['endpoint'], pointerTo(at, 'endpoint'));
    checkNamedTexts(reader, http, 'headers', at);
  }
  if (transport['stdio'] !== undefined) {
    const at = pointerTo(pointer, 'stdio');
    const stdio =
      reader.object(transport['stdio'], at, '`stdio`', ['command', 'arguments', 'environment'], ['command']) ?? {};
    reader.text(stdio, 'command', at);
    reader.texts(stdio, 'arguments', at);
    checkNamedTexts(reader, stdio, 'environment', at);
  }
}
