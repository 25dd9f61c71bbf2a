import type { Outbound } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import { isObject, type Json, type JsonObject } from '../definition/json';
import { WorkflowFault } from '../engine/fault';

const MAX_BODY_BYTES = 1_048_576;
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Methods that HTTP says may be sent again. */
export function isRepeatableRequest({ method }: JsonObject): boolean {
  return typeof method === 'string' && REPEATABLE.has(method.toUpperCase());
}

/**
 * `call: http`. `{name}` in the address is the property of the input of that name.
 *
 * @throws WorkflowFault `communication` with the status of an answer that is no success
 */
export async function callHttp(
  outbound: Outbound,
  args: JsonObject,
  input: Json,
  { key, signal }: { key: string; signal: AbortSignal },
): Promise<Json> {
  const method = text(args['method'] ?? 'GET').toUpperCase();
  const endpoint = args['endpoint'];
  const uri = text((isObject(endpoint) ? endpoint['uri'] : endpoint) ?? '');
  const url = new URL(fillIn(uri, input));
  for (const [name, value] of Object.entries(isObject(args['query']) ? args['query'] : {}))
    if (value !== null) url.searchParams.append(name, text(value));
  const headers: Record<string, string> = { accept: 'application/json, */*;q=0.5' };
  if (!isRepeatableRequest(args)) headers['idempotency-key'] = key;
  for (const [name, value] of Object.entries(isObject(args['headers']) ? args['headers'] : {}))
    headers[name.toLowerCase()] = text(value);
  const authorization = isObject(endpoint) ? authorizationOf(endpoint['authentication']) : undefined;
  if (authorization !== undefined) headers['authorization'] = authorization;
  const { body } = args;
  if (body !== undefined && typeof body !== 'string') headers['content-type'] ??= 'application/json';
  const response = await outbound
    .fetch(url, {
      method,
      headers,
      signal,
      redirect: args['redirect'] === true ? 'follow' : 'manual',
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    .catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw WorkflowFault.of('communication', `${url.host} does not answer: ${(cause as Error).message}`);
    });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (bytes.byteLength > MAX_BODY_BYTES)
    throw WorkflowFault.of('communication', `The answer of ${url.host} is larger than ${MAX_BODY_BYTES} bytes`);
  const isSuccess = response.ok || (args['redirect'] === true && response.status < 400);
  if (!isSuccess)
    throw WorkflowFault.of('communication', `${url.host} answered ${response.status}`, { status: response.status });
  if (args['output'] === 'raw') return bytes.toString('base64');
  const content = contentOf(bytes, response.headers.get('content-type') ?? '');
  if (args['output'] !== 'response') return content;
  return {
    request: { method, uri: url.href, headers: withoutCredentials(headers) },
    statusCode: response.status,
    headers: Object.fromEntries(response.headers.entries()),
    content,
  };
}

/** Simple interpolation: only properties of the input itself. */
function fillIn(uri: string, input: Json): string {
  return uri.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const value = isObject(input) ? input[name] : undefined;
    return value === undefined ? whole : encodeURIComponent(text(value));
  });
}

function text(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function authorizationOf(authentication: Json | undefined): string | undefined {
  if (!isObject(authentication)) return undefined;
  const { basic, bearer } = authentication;
  if (isObject(basic))
    return `Basic ${Buffer.from(`${text(basic['username'] ?? '')}:${text(basic['password'] ?? '')}`).toString('base64')}`;
  if (isObject(bearer)) return `Bearer ${text(bearer['token'] ?? '')}`;
  throw WorkflowFault.of('configuration', 'Only basic and bearer authentication are available in this release');
}

function withoutCredentials({ authorization: _, ...headers }: Record<string, string>): Record<string, string> {
  return headers;
}

function contentOf(bytes: Buffer, type: string): Json {
  const body = bytes.toString('utf8');
  if (body === '') return null;
  if (/[/+]json\b/i.test(type)) {
    try {
      return JSON.parse(body) as Json;
    } catch {
      return body;
    }
  }
  return /^text\/|xml|javascript|^$/i.test(type) ? body : bytes.toString('base64');
}
