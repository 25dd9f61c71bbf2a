import { AppError, MODERN_VERSIONS, type Principal } from '@mcp-router/shared';
import { HttpConnection, NotStreamableHttp } from '../../upstreams/http.connection';
import { ConnectionLost } from '../../upstreams/connection';
import { modernEnvelope, type Introduction } from '../../upstreams/handshake';
import { errorText, outcomeOf, requestText } from '../../upstreams/message';
import type { Exchange } from '../../upstreams/upstream';
import { DURATION_PARTS, parseIsoDuration } from '../definition/duration';
import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { WorkflowFault } from '../engine/fault';
import { addressOf, endpointOf, type Sender } from './send-request';

/** What the standard takes when the task does not say. */
const USUAL_VERSION = '2025-06-18';

/** Methods that change nothing. */
export function isReadingMcp({ method }: JsonObject): boolean {
  return method !== 'tools/call';
}

export interface McpLimits {
  CALL_TIMEOUT_MS: number;
  TOTAL_TIMEOUT_MS: number;
  MAX_MESSAGE_BYTES: number;
}

/**
 * `call: mcp`: one request to a server that the task itself names, on a connection of its own. The output is the
 * result of the request.
 *
 * @throws WorkflowFault `runtime` for what the server refuses, `timeout`, `communication`
 */
export async function callInlineServer(
  args: JsonObject,
  { outbound, authorizer, signal, principal }: Sender & { principal: Principal },
  limits: McpLimits,
): Promise<Json> {
  const transport = isObject(args['transport']) ? args['transport'] : {};
  const { http } = transport;
  if (!isObject(http))
    throw WorkflowFault.of('configuration', 'Only servers over HTTP can be called so; register the others');
  const { uri, authentication } = endpointOf(http['endpoint']);
  const url = addressOf(uri);
  const authorization = await authorizer.headerFor(authentication, signal);
  const given = Object.entries(isObject(http['headers']) ? http['headers'] : {});
  const headers = Object.fromEntries(given.map(([name, value]) => [name, textOf(value)]));
  const callTimeoutMs = millisecondsOf(args['timeout']) ?? limits.CALL_TIMEOUT_MS;
  const method = textOf(args['method'] ?? '');
  const connection = new HttpConnection({
    url: url.href,
    headers: authorization === undefined ? headers : { ...headers, authorization },
    dispatcher: outbound.dispatcher,
    maxMessageBytes: limits.MAX_MESSAGE_BYTES,
    limits: { callTimeoutMs, totalTimeoutMs: limits.TOTAL_TIMEOUT_MS },
    onStray: (message, send) => {
      if (message.id !== undefined) send(refusalOf(message.id));
    },
    onGarbage: () => undefined,
  });
  try {
    const version = textOf(args['protocolVersion'] ?? USUAL_VERSION);
    const isModern = (MODERN_VERSIONS as readonly string[]).includes(version);
    await connection.connect('{}', isModern ? undefined : 'legacy', introductionOf(args['client'], version));
    const { era, protocolVersion } = connection.info;
    const parameters = isObject(args['parameters']) ? args['parameters'] : {};
    const params = era === 'modern' ? { ...parameters, _meta: modernEnvelope(protocolVersion) } : parameters;
    const exchange: Exchange = {
      message: requestText('1', method, params),
      principal,
      signal,
      timeoutMs: callTimeoutMs,
      onMessage: (message, server) => {
        if (message.id !== undefined) server.respond(refusalOf(message.id));
      },
    };
    const outcome = outcomeOf(await connection.exchange(exchange, true));
    if ('error' in outcome)
      throw WorkflowFault.of('runtime', `${url.host}: ${outcome.error.message} (${outcome.error.code})`);
    return JSON.parse(outcome.result) as Json;
  } catch (thrown) {
    throw faultOf(thrown, url);
  } finally {
    await connection.close();
  }
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
function faultOf(thrown: unknown, url: URL): unknown {
  if (thrown instanceof NotStreamableHttp) return faultOf(thrown.cause, url);
  if (thrown instanceof ConnectionLost) return WorkflowFault.of('communication', `${url.host}: ${thrown.reason}`);
  if (thrown instanceof AppError && thrown.code === 'upstream_error')
    return WorkflowFault.of('runtime', `${url.host}: ${thrown.detail}`);
  return thrown;
}

function millisecondsOf(value: Json | undefined): number | undefined {
  if (typeof value === 'string') return parseIsoDuration(value);
  if (!isObject(value)) return undefined;
  return Object.entries(value).reduce((sum, [part, count]) => sum + (DURATION_PARTS[part] ?? 0) * Number(count), 0);
}
