import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { addressOf, endpointOf, sendRequest, type Sender } from './send-request';

/**
 * `call: http`. `{name}` in the address is the property of the input of that name.
 *
 * @throws WorkflowFault `communication` with the status of an answer that is no success
 */
export async function callHttp(args: JsonObject, input: Json, sender: Sender): Promise<Json> {
  const { uri, authentication } = endpointOf(args['endpoint']);
  const url = addressOf(fillIn(uri, input));
  for (const [name, value] of Object.entries(isObject(args['query']) ? args['query'] : {}))
    if (value !== null) url.searchParams.append(name, textOf(value));
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(isObject(args['headers']) ? args['headers'] : {}))
    headers[name.toLowerCase()] = textOf(value);
  const { body, output, redirect } = args;
  if (body !== undefined && typeof body !== 'string') headers['content-type'] ??= 'application/json';
  return sendRequest(
    {
      method: textOf(args['method'] ?? 'GET').toUpperCase(),
      url,
      headers,
      authentication,
      output,
      redirect,
      body: body === undefined ? undefined : textOf(body),
    },
    sender,
  );
}

/** Simple interpolation: only properties of the input itself. */
function fillIn(uri: string, input: Json): string {
  return uri.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const value = isObject(input) ? input[name] : undefined;
    return value === undefined ? whole : encodeURIComponent(textOf(value));
  });
}
