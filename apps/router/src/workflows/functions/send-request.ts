import type { Outbound } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import type { Response } from 'undici';
import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { WorkflowFault } from '../engine/fault';
import { Redaction } from '../engine/redaction';
import type { Authorizer } from './authorizer';

const MAX_BODY_BYTES = 1_048_576;
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Methods that HTTP says may be sent again. */
export function isRepeatableRequest({ method }: JsonObject): boolean {
  return typeof method === 'string' && REPEATABLE.has(method.toUpperCase());
}

export interface HttpTask {
  method: string;
  url: URL;
  /** Names in lower case. */
  headers: Record<string, string>;
  body?: string | Buffer | undefined;
  authentication?: Json | undefined;
  /** `content` unless it says `raw` or `response`. */
  output: Json | undefined;
  redirect: Json | undefined;
}

/** What requests of one effect have in common. */
export interface Sender {
  outbound: Outbound;
  authorizer: Authorizer;
  key: string;
  signal: AbortSignal;
}

/**
 * One HTTP request of a task, and its output as the standard shapes it.
 *
 * @throws WorkflowFault `communication` with the status of an answer that is no success
 */
export async function sendRequest(task: HttpTask, sender: Sender): Promise<Json> {
  const { method, url, headers } = task;
  const { response, credential } = await sendWithCredential(task, sender);
  // A server that repeats what it was sent does not bring it into the history.
  const redaction = new Redaction(credential === undefined ? {} : { credential });
  const bytes = await bytesOf(response, url);
  const isSuccess = response.ok || (task.redirect === true && response.status < 400);
  if (!isSuccess)
    throw WorkflowFault.of('communication', `${url.host} answered ${response.status}`, { status: response.status });
  if (task.output === 'raw') return bytes.toString('base64');
  const content = contentOf(bytes, response.headers.get('content-type') ?? '');
  if (task.output !== 'response') return redaction.apply(content);
  return redaction.apply({
    request: { method, uri: url.href, headers: withoutCredentials(headers) },
    statusCode: response.status,
    headers: Object.fromEntries(response.headers.entries()),
    content,
  });
}

/** Sends it with its credentials. */
export async function send(task: Omit<HttpTask, 'output'>, sender: Sender): Promise<Response> {
  return (await sendWithCredential(task, sender)).response;
}

/** A token that is refused is exchanged for a new one, once. The credential is what follows the scheme. */
async function sendWithCredential(
  { method, url, headers, body, authentication, redirect }: Omit<HttpTask, 'output'>,
  { outbound, authorizer, key, signal }: Sender,
): Promise<{ response: Response; credential: string | undefined }> {
  let credential: string | undefined;
  const request = async (isFresh: boolean): Promise<Response> => {
    const authorization = await authorizer.headerFor(authentication, signal, isFresh);
    const all: Record<string, string> = { accept: 'application/json, */*;q=0.5', ...headers };
    if (!isRepeatableRequest({ method })) all['idempotency-key'] ??= key;
    if (authorization !== undefined) all['authorization'] = authorization;
    credential = authorization?.slice(authorization.indexOf(' ') + 1);
    return outbound
      .fetch(url, {
        method,
        headers: all,
        signal,
        redirect: redirect === true ? 'follow' : 'manual',
        ...(body === undefined ? {} : { body }),
      })
      .catch((cause: unknown) => {
        if (cause instanceof AppError) throw cause;
        throw WorkflowFault.of('communication', `${url.host} does not answer: ${(cause as Error).message}`);
      });
  };
  const response = await request(false);
  if (response.status !== 401 || !authorizer.canRenew(authentication)) return { response, credential };
  await response.body?.cancel();
  const second = await request(true);
  return { response: second, credential };
}

/** The whole body, if it is not too large. @throws WorkflowFault `communication` */
export async function bytesOf(response: Response, url: URL, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body)
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      // Leaving the loop ends the connection.
      if (size > maxBytes)
        throw WorkflowFault.of('communication', `The answer of ${url.host} is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  return Buffer.concat(chunks);
}

/** An absolute address. @throws WorkflowFault `configuration` */
export function addressOf(uri: string, base?: URL): URL {
  if (!URL.canParse(uri, base?.href))
    throw WorkflowFault.of('configuration', `"${uri.slice(0, 200)}" is not an address`);
  return new URL(uri, base);
}

/** The address of an endpoint, which is a text or `{ uri, authentication }`, and the authentication. */
export function endpointOf(endpoint: Json | undefined): { uri: string; authentication: Json | undefined } {
  if (isObject(endpoint)) return { uri: textOf(endpoint['uri'] ?? ''), authentication: endpoint['authentication'] };
  return { uri: textOf(endpoint ?? ''), authentication: undefined };
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
