import { AppError, MODERN_VERSIONS, type Principal } from '@mcp-router/shared';
import { HttpConnection, NotStreamableHttp } from '../../upstreams/http.connection';
import { ConnectionLost, type Connection } from '../../upstreams/connection';
import { modernEnvelope, type Introduction } from '../../upstreams/handshake';
import { errorText, outcomeOf, requestText } from '../../upstreams/message';
import type { Exchange } from '../../upstreams/upstream';
import { DURATION_PARTS, parseIsoDuration } from '../definition/duration';
import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { WorkflowFault } from '../engine/fault';
import type { InlineProcesses, InlineTerms, ProcessLimits } from './inline-process';
import { addressOf, endpointOf, type Sender } from './send-request';

/** What the standard takes when the task does not say. */
const USUAL_VERSION = '2025-06-18';

/** Methods that change nothing. */
export function isReadingMcp({ method }: JsonObject): boolean {
  return method !== 'tools/call';
}

/** Where the request of a task goes out, and for whom. */
export interface InlineSender extends Sender {
  principal: Principal;
  processes: InlineProcesses;
}

/**
 * `call: mcp`: one request to a server that the task itself names, on a connection of its own. The output is the
 * result of the request.
 *
 * @param written the arguments as they stand in the definition
 * @throws WorkflowFault `runtime` for what the server refuses, `timeout`, `communication`
 */
export async function callInlineServer(
  args: JsonObject,
  written: JsonObject,
  sender: InlineSender,
  limits: ProcessLimits,
): Promise<Json> {
  const { http, stdio } = objectOf(args['transport']);
  const version = textOf(args['protocolVersion'] ?? USUAL_VERSION);
  const terms: InlineTerms = {
    isModern: (MODERN_VERSIONS as readonly string[]).includes(version),
    introduction: introductionOf(args['client'], version),
    callTimeoutMs: millisecondsOf(args['timeout']) ?? limits.CALL_TIMEOUT_MS,
    onStray: (message, send) => {
      if (message.id !== undefined) send(refusalOf(message.id));
      return true;
    },
    outbound: sender.outbound,
    signal: sender.signal,
  };
  const command = objectOf(objectOf(written['transport'])['stdio']);
  const url = isObject(http) ? addressOf(endpointOf(http['endpoint']).uri) : undefined;
  const name = url?.host ?? textOf(command['command'] ?? '');
  const ask = (connection: Connection) => askOnce(connection, args, name, terms, sender);
  try {
    if (isObject(http) && url) return await overHttp(url, http, terms, sender, limits, ask);
    return await sender.processes.use(command, objectOf(stdio)['environment'], terms, ask);
  } catch (thrown) {
    throw faultOf(thrown, name);
  }
}

async function overHttp<T>(
  url: URL,
  http: JsonObject,
  terms: InlineTerms,
  { outbound, authorizer, signal }: InlineSender,
  limits: ProcessLimits,
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  const authorization = await authorizer.headerFor(endpointOf(http['endpoint']).authentication, signal);
  const headers = Object.fromEntries(
    Object.entries(objectOf(http['headers'])).map(([name, value]) => [name, textOf(value)]),
  );
  const connection = new HttpConnection({
    url: url.href,
    headers: authorization === undefined ? headers : { ...headers, authorization },
    dispatcher: outbound.dispatcher,
    maxMessageBytes: limits.MAX_MESSAGE_BYTES,
    limits: { callTimeoutMs: terms.callTimeoutMs, totalTimeoutMs: limits.TOTAL_TIMEOUT_MS },
    onStray: terms.onStray,
    onGarbage: () => undefined,
  });
  try {
    await connection.connect('{}', terms.isModern ? undefined : 'legacy', terms.introduction);
    return await ask(connection);
  } finally {
    await connection.close();
  }
}

async function askOnce(
  connection: Connection,
  args: JsonObject,
  name: string,
  { callTimeoutMs, signal }: InlineTerms,
  { principal }: InlineSender,
): Promise<Json> {
  const { era, protocolVersion } = connection.info;
  const parameters = objectOf(args['parameters']);
  const params = era === 'modern' ? { ...parameters, _meta: modernEnvelope(protocolVersion) } : parameters;
  const exchange: Exchange = {
    message: requestText('1', textOf(args['method'] ?? ''), params),
    principal,
    signal,
    timeoutMs: callTimeoutMs,
    onMessage: (message, server) => {
      if (message.id !== undefined) server.respond(refusalOf(message.id));
    },
  };
  const outcome = outcomeOf(await connection.exchange(exchange, true));
  if ('error' in outcome)
    throw WorkflowFault.of('runtime', `${name}: ${outcome.error.message} (${outcome.error.code})`);
  return JSON.parse(outcome.result) as Json;
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function introductionOf(client: Json | undefined, protocolVersion: string): Introduction {
  if (!isObject(client)) return { protocolVersion };
  const { name = 'mcp-router', version = '1.0.0' } = client;
  return { protocolVersion, clientInfo: { name: textOf(name), version: textOf(version) } };
}

function refusalOf(id: string): string {
  return errorText(id, { code: -32601, message: 'A workflow answers no requests' });
}

/** The standard has one error for all that a server refuses; what never reached it is not that. */
function faultOf(thrown: unknown, name: string): unknown {
  if (thrown instanceof NotStreamableHttp) return faultOf(thrown.cause, name);
  if (thrown instanceof ConnectionLost) return WorkflowFault.of('communication', `${name}: ${thrown.reason}`);
  if (thrown instanceof AppError && thrown.code === 'upstream_error')
    return WorkflowFault.of('runtime', `${name}: ${thrown.detail}`);
  return thrown;
}

function millisecondsOf(value: Json | undefined): number | undefined {
  if (typeof value === 'string') return parseIsoDuration(value);
  if (!isObject(value)) return undefined;
  return Object.entries(value).reduce((sum, [part, count]) => sum + (DURATION_PARTS[part] ?? 0) * Number(count), 0);
}
