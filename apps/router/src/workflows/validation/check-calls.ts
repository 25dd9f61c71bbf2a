import { isObject, type Json, type JsonObject, pointerTo } from '../definition/json';
import { didYouMean } from '../definition/nearest';
import type { Authentication, CallTask } from '../definition/workflow';
import { RUNTIME_FUNCTIONS } from '../definition/workflow';
import { isExpression, Reader } from '../definition/reader';
import { readAuthentication } from '../definition/read-components';
import { type CatalogueTool, isDestructive, isRepeatable } from './catalogue';
import type { Check, ExpressionPlace } from './check';
import { checkArguments } from './check-arguments';
import { checkReference } from './check-components';
import { checkJsonSchema } from './check-data';
import { typeOfSchema } from './schema-types';
import type { Surroundings } from './surroundings';
import { ANY, objectOf, STRING, type Type } from './types';

/** A call of any kind; gives the type of its raw output. */
export function checkCall(
  check: Check,
  task: CallTask,
  pointer: string,
  place: ExpressionPlace,
  around: Surroundings,
): Type {
  const at = pointerTo(pointer, 'with');
  const schemaless = task.target === 'llm' || task.target === 'agent' || task.target === 'approve';
  const { schema, ...others } = task.with;
  check.template(schemaless ? others : task.with, at, place);
  switch (task.target) {
    case 'tool':
      return checkTool(check, task, pointer, place, around);
    case 'function':
      return checkFunction(check, task, pointer);
    case 'llm':
    case 'agent':
      if (task.target === 'agent') checkAgentTools(check, task.with['tools'], pointerTo(at, 'tools'));
      // A model without a schema answers with `{ text }`.
      if (task.target === 'llm' && schema === undefined) return objectOf([['text', STRING]]);
      return checkAnswer(check, schema, pointerTo(at, 'schema'));
    case 'approve':
      checkAnswer(check, schema, pointerTo(at, 'schema'));
      if (task.timeout === undefined && task.with['timeout'] === undefined && !around.limit)
        check.report('WF603', pointer, 'Nobody may ever decide this');
      return ANY;
    case 'mcp':
      checkTransport(check, task.with['transport'], pointerTo(at, 'transport'));
      checkAuthentications(check, task.with, at);
      return ANY;
    case 'http':
    case 'openapi':
    case 'a2a':
      checkAuthentications(check, task.with, at);
      return ANY;
    case 'prompt':
    case 'resource':
      return ANY;
  }
}

/** A schema for the answer of a model or a person, and so the type of the output. */
function checkAnswer(check: Check, schema: Json | undefined, pointer: string): Type {
  if (schema === undefined || (typeof schema === 'string' && isExpression(schema))) return ANY;
  return checkJsonSchema(check, schema, pointer) ? typeOfSchema(schema) : ANY;
}

function checkTool(check: Check, task: CallTask, pointer: string, place: ExpressionPlace, around: Surroundings): Type {
  const { call } = task;
  const callAt = pointerTo(pointer, 'call');
  const { catalogue } = check;
  const tool = catalogue.tool(call);
  if (!tool) {
    reportUnknownTool(check, call, callAt);
    return ANY;
  }
  check.tools.set(call, tool.hash);
  if (catalogue.isAllowed?.(call) === false) check.report('WF406', callAt, `You may not call \`${call}\``);
  if (tool.isAvailable === false) check.report('WF405', callAt, `The server of \`${call}\` cannot be reached now`);
  const published = check.options.publishedHashes?.[call];
  if (published !== undefined && published !== tool.hash)
    check.report('WF407', callAt, `\`${call}\` is no longer what it was when this version was published`);
  const hasWith = task.source['with'] !== undefined;
  checkArguments(
    check,
    task.with,
    hasWith ? pointerTo(pointer, 'with') : pointer,
    tool.inputSchema,
    place,
    `\`${call}\``,
  );
  checkRepetition(check, task, tool, pointer, around);
  return tool.outputSchema ? typeOfSchema(tool.outputSchema) : ANY;
}

function reportUnknownTool(check: Check, call: string, at: string): void {
  const names = check.catalogue.toolNames();
  const server = call.slice(0, call.indexOf('__'));
  const servers = new Set(names.map((name) => name.slice(0, name.indexOf('__'))));
  const hint = didYouMean(call, names);
  if (servers.has(server))
    check.report('WF402', at, `The server \`${server}\` has no tool \`${call.slice(server.length + 2)}\``, { hint });
  else check.report('WF401', at, `There is no server \`${server}\``, { hint: hint ?? didYouMean(server, servers) });
}

/** Calling a tool again, by a retry or after a crash, when it may do more the second time. */
function checkRepetition(
  check: Check,
  task: CallTask,
  tool: CatalogueTool,
  pointer: string,
  around: Surroundings,
): void {
  if (!isDestructive(tool) || isRepeatable(tool) || task.metadata.idempotency === 'safe') return;
  if (around.retry !== undefined) {
    const related = [{ pointer: around.retry, message: 'The retry' }];
    check.report(
      'WF602',
      pointerTo(pointer, 'call'),
      `\`${task.call}\` may destroy, and is called again when something fails`,
      { related },
    );
  }
  if (task.metadata.onUncertain === 'retry')
    check.report(
      'WF608',
      `${pointer}/metadata/onUncertain`,
      `\`${task.call}\` may destroy, and a crash would call it twice`,
    );
}

function checkFunction(check: Check, task: CallTask, pointer: string): Type {
  const { call } = task;
  const { functions } = check.workflow.use;
  check.used.add(`functions/${call}`);
  // What reading refused has said so already.
  if (Object.hasOwn(functions, call) || /[@/]/.test(call) || ['', 'grpc', 'asyncapi'].includes(call)) return ANY;
  const names = [
    ...Object.keys(functions),
    ...RUNTIME_FUNCTIONS,
    'http',
    'openapi',
    'mcp',
    'a2a',
    ...check.catalogue.toolNames(),
  ];
  check.report('WF311', pointerTo(pointer, 'call'), `There is no function \`${call}\``, {
    hint: didYouMean(call, names),
  });
  return ANY;
}

function checkAgentTools(check: Check, tools: Json | undefined, at: string): void {
  if (!Array.isArray(tools)) return;
  const names = check.catalogue.toolNames();
  tools.forEach((entry, index) => {
    if (typeof entry !== 'string' || isExpression(entry)) return;
    const entryAt = pointerTo(at, index);
    if (/^\**$/.test(entry) || entry === '*__*') {
      check.report('WF606', entryAt, 'This agent may call every tool there is');
      return;
    }
    const pattern = new RegExp(`^${entry.split('*').map(escape).join('.*')}$`);
    if (!names.some((name) => pattern.test(name)))
      check.report('WF403', entryAt, `No tool is named \`${entry}\``, { hint: didYouMean(entry, names) });
  });
}

function escape(text: string): string {
  return text.replace(/[\\^$.+?()[\]{}|]/g, '\\$&');
}

/** A process is started as an administrator wrote it down, who publishes it: the same who may register such a server. */
function checkTransport(check: Check, transport: Json | undefined, at: string): void {
  const stdio = isObject(transport) ? transport['stdio'] : undefined;
  if (!isObject(stdio)) return;
  const stdioAt = pointerTo(at, 'stdio');
  if (!check.options.mayStartProcesses) {
    check.report('WF111', stdioAt, 'Only administrators may have processes started', {
      hint: 'Ask one to publish it, or to register the server with the router, and call its tools by `server__tool`',
    });
    return;
  }
  const { command, arguments: args } = stdio;
  const refuse = (pointer: string) =>
    check.report('WF111', pointer, 'What is started does not depend on a run', {
      hint: 'Write it down as it is; values of `environment` may be expressions',
    });
  if (isText(command)) refuse(pointerTo(stdioAt, 'command'));
  if (isText(args)) refuse(pointerTo(stdioAt, 'arguments'));
  if (Array.isArray(args))
    args.forEach((arg, index) => isText(arg) && refuse(pointerTo(pointerTo(stdioAt, 'arguments'), index)));
}

function isText(value: Json | undefined): boolean {
  return typeof value === 'string' && isExpression(value);
}

/** Authentication inside arguments: what it refers to, and passwords written down. */
function checkAuthentications(check: Check, value: Json, at: string): void {
  if (Array.isArray(value)) value.forEach((item, index) => checkAuthentications(check, item, pointerTo(at, index)));
  if (!isObject(value)) return;
  for (const [name, item] of Object.entries(value)) {
    const itemAt = pointerTo(at, name);
    if (name !== 'authentication' || !isObject(item)) {
      if (name !== 'body') checkAuthentications(check, item, itemAt);
      continue;
    }
    const authentication = readAuthentication(new Reader(), item, itemAt);
    if (authentication) checkAuthentication(check, authentication, itemAt);
  }
}

/** What an authentication refers to, and credentials in it that stand there for all to read. */
export function checkAuthentication(check: Check, authentication: Authentication, at: string): void {
  if (authentication.kind === 'reference') {
    checkReference(check, 'authentications', authentication.use, pointerTo(at, 'use'));
    return;
  }
  const schemeAt = pointerTo(at, authentication.kind);
  const scheme = (authentication as unknown as Record<string, JsonObject>)[authentication.kind] ?? {};
  if (typeof scheme['use'] === 'string') {
    check.secret(scheme['use'], pointerTo(schemeAt, 'use'));
    return;
  }
  const written: [Json | undefined, string][] = [
    [scheme['password'], 'password'],
    [scheme['token'], 'token'],
    [isObject(scheme['client']) ? scheme['client']['secret'] : undefined, 'client/secret'],
  ];
  for (const [text, name] of written)
    if (typeof text === 'string' && text !== '' && !isExpression(text))
      check.report('WF601', `${schemeAt}/${name}`, 'This credential stands in the definition for all to read');
}
