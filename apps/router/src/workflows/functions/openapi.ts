import { parse } from 'yaml';
import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { WorkflowFault } from '../engine/fault';
import { findOperation, type Operation, type Parameter } from './openapi-operation';
import { addressOf, bytesOf, endpointOf, send, sendRequest, type Sender } from './send-request';

const MAX_DOCUMENT_BYTES = 8_388_608;

/**
 * The first half of `call: openapi`: reads the document and finds the operation in it.
 *
 * @throws WorkflowFault `communication` when the document cannot be read, `configuration` when it has no such operation
 */
export async function readOperation(args: JsonObject, sender: Sender): Promise<Operation> {
  const document = isObject(args['document']) ? args['document'] : {};
  const { uri, authentication } = endpointOf(document['endpoint']);
  const url = addressOf(uri);
  const response = await send({ method: 'GET', url, headers: {}, authentication, redirect: true }, sender);
  const bytes = await bytesOf(response, url, MAX_DOCUMENT_BYTES);
  if (!response.ok)
    throw WorkflowFault.of('communication', `${url.host} answered ${response.status}`, { status: response.status });
  return findOperation(parsed(bytes.toString('utf8'), url), textOf(args['operationId'] ?? ''), url);
}

/** JSON is YAML too, but reading it as what it is is faster. */
function parsed(document: string, url: URL): Json {
  try {
    return JSON.parse(document) as Json;
  } catch {
    try {
      return parse(document) as Json;
    } catch (error) {
      throw WorkflowFault.of('configuration', `${url.href} is neither JSON nor YAML: ${(error as Error).message}`);
    }
  }
}

/** The second half: the request, with each parameter where the operation wants it. */
export function callOperation(operation: Operation, args: JsonObject, sender: Sender): Promise<Json> {
  const given = new Map(Object.entries(isObject(args['parameters']) ? args['parameters'] : {}));
  let address = operation.url;
  const query: string[] = [];
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  const form: JsonObject = {};
  let body: Json | undefined;
  for (const parameter of operation.parameters) {
    const { name, required } = parameter;
    const value = given.get(name);
    given.delete(name);
    if (value === undefined || value === null) {
      if (required) throw WorkflowFault.of('validation', `The operation needs the parameter \`${name}\``);
      continue;
    }
    switch (parameter.in) {
      case 'path':
        address = address.replaceAll(`{${name}}`, plain(value, parameter.explode, encodeURIComponent));
        break;
      case 'query':
        query.push(...queryParts(parameter, value));
        break;
      case 'header':
        headers[name.toLowerCase()] = plain(value, parameter.explode, String);
        break;
      case 'cookie':
        cookies.push(`${name}=${plain(value, false, encodeURIComponent)}`);
        break;
      case 'formData':
        form[name] = value;
        break;
      case 'body':
        body = value;
    }
  }
  if (Object.keys(form).length > 0) body = form;
  body ??= restAsBody(operation, given);
  if (cookies.length > 0) headers['cookie'] = cookies.join('; ');
  if (body !== undefined) headers['content-type'] ??= operation.bodyType ?? 'application/json';
  const url = addressOf(address);
  if (query.length > 0) url.search = [url.search.slice(1), ...query].filter(Boolean).join('&');
  const { authentication, output, redirect } = args;
  return sendRequest(
    {
      method: operation.method,
      url,
      headers,
      authentication,
      output,
      redirect,
      body: body === undefined ? undefined : encoded(body, headers['content-type'] ?? ''),
    },
    sender,
  );
}

/** What the operation declares no place for is its body: `body` as a whole, or the properties of one. */
function restAsBody({ bodyType, isBodyRequired }: Operation, given: ReadonlyMap<string, Json>): Json | undefined {
  const [first] = given.keys();
  if (bodyType === null) {
    if (first !== undefined) throw WorkflowFault.of('validation', `The operation has no parameter \`${first}\``);
    return undefined;
  }
  if (first === undefined) {
    if (isBodyRequired) throw WorkflowFault.of('validation', 'The operation needs a body');
    return undefined;
  }
  return given.size === 1 && first === 'body' ? given.get('body') : Object.fromEntries(given);
}

function encoded(body: Json, type: string): string {
  if (typeof body === 'string') return body;
  if (!type.startsWith('application/x-www-form-urlencoded') || !isObject(body)) return JSON.stringify(body);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body))
    for (const item of Array.isArray(value) ? value : [value]) form.append(name, textOf(item));
  return form.toString();
}

const SEPARATORS: Readonly<Record<string, string>> = { spaceDelimited: '%20', pipeDelimited: '%7C' };

/** RFC 6570 as OpenAPI names it: `form`, `spaceDelimited`, `pipeDelimited`, `deepObject`. */
function queryParts({ name, style, explode }: Parameter, value: Json): string[] {
  const pair = (key: string, item: Json) => `${encodeURIComponent(key)}=${encodeURIComponent(textOf(item))}`;
  if (Array.isArray(value)) {
    if (explode) return value.map((item) => pair(name, item));
    const separator = SEPARATORS[style] ?? ',';
    return [`${encodeURIComponent(name)}=${value.map((item) => encodeURIComponent(textOf(item))).join(separator)}`];
  }
  if (!isObject(value)) return [pair(name, value)];
  if (style === 'deepObject') return Object.entries(value).map(([key, item]) => pair(`${name}[${key}]`, item));
  if (explode) return Object.entries(value).map(([key, item]) => pair(key, item));
  const parts = Object.entries(value).map(([key, item]) => [key, textOf(item)].map(encodeURIComponent).join(','));
  return [`${encodeURIComponent(name)}=${parts.join(',')}`];
}

/** The style `simple`, of paths and headers. */
function plain(value: Json, explode: boolean, encode: (text: string) => string): string {
  if (Array.isArray(value)) return value.map((item) => encode(textOf(item))).join(',');
  if (!isObject(value)) return encode(textOf(value));
  return Object.entries(value)
    .map(([key, item]) => [encode(key), encode(textOf(item))].join(explode ? '=' : ','))
    .join(',');
}
