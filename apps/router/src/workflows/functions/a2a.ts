import { readJson } from '@mcp-router/platform';
import { v5 } from 'uuid';
import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { WorkflowFault } from '../engine/fault';
import { SseParser } from '../../upstreams/sse-parser';
import { addressOf, bytesOf, endpointOf, send, type Sender } from './send-request';

const MAX_CARD_BYTES = 1_048_576;
const STREAMING = new Set(['message/stream', 'tasks/resubscribe']);
/** Of ids of messages, so that a message that is sent again after a crash is the same message. */
const NAMESPACE = '4b4f7c0e-7a53-4a5e-9a35-9d2b2c1c7f21';

/** Methods that change nothing. */
export function isReadingA2a({ method }: JsonObject): boolean {
  return method === 'tasks/get' || method === 'tasks/list' || method === 'agent/getAuthenticatedExtendedCard';
}

/**
 * `call: a2a`: one JSON-RPC request to an agent. The output is its result; of the methods that stream, the list of all.
 *
 * @throws WorkflowFault `runtime` for an error of the agent, `communication` when it cannot be reached
 */
export async function callAgent(args: JsonObject, sender: Sender): Promise<Json> {
  const method = textOf(args['method'] ?? '');
  const { url, authentication } = await serverOf(args, sender);
  const isStreaming = STREAMING.has(method);
  const request = { jsonrpc: '2.0', id: 1, method, params: parametersOf(method, args['parameters'], sender.key) };
  const response = await send(
    {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json',
        accept: isStreaming ? 'text/event-stream, application/json' : 'application/json',
      },
      body: JSON.stringify(request),
      authentication,
      redirect: false,
    },
    sender,
  );
  if (response.headers.get('content-type')?.includes('text/event-stream')) {
    const results = (await bytesOf(response, url)).toString('utf8');
    return eventsOf(results).map((event) => resultOf(event, url));
  }
  const bytes = await bytesOf(response, url);
  const answer = readAnswer(bytes);
  if (!isObject(answer) && !response.ok)
    throw WorkflowFault.of('communication', `${url.host} answered ${response.status}`, { status: response.status });
  const result = resultOf(answer, url);
  return isStreaming ? [result] : result;
}

/** Where the agent is: what its card says, or what the task says. */
async function serverOf(args: JsonObject, sender: Sender): Promise<{ url: URL; authentication: Json | undefined }> {
  if (!isObject(args['agentCard'])) {
    const { uri, authentication } = endpointOf(args['server']);
    return { url: addressOf(uri), authentication };
  }
  const { uri, authentication } = endpointOf(args['agentCard']['endpoint']);
  const from = addressOf(uri);
  const response = await send({ method: 'GET', url: from, headers: {}, authentication, redirect: true }, sender);
  if (!response.ok) {
    await response.body?.cancel();
    throw WorkflowFault.of('communication', `${from.host} answered ${response.status}`, { status: response.status });
  }
  const card = (await readJson(response, MAX_CARD_BYTES)) as Json;
  const url = addressOf(addressIn(card) ?? '', from);
  // What lets in to the card does not belong to another host.
  return { url, authentication: url.origin === from.origin ? authentication : undefined };
}

/** `url` of cards up to 0.3, the JSON-RPC interface of those from 1.0. */
function addressIn(card: Json): string | undefined {
  if (!isObject(card)) throw WorkflowFault.of('configuration', 'The agent card is no object');
  const listed = [card['supportedInterfaces'], card['additionalInterfaces']].flatMap((list) =>
    Array.isArray(list) ? list.filter(isObject) : [],
  );
  const isRpc = (entry: JsonObject) => (entry['protocolBinding'] ?? entry['transport']) === 'JSONRPC';
  const transport = card['preferredTransport'];
  if (typeof card['url'] === 'string' && (transport === undefined || transport === 'JSONRPC')) return card['url'];
  const found = listed.find(isRpc)?.['url'] ?? card['url'];
  if (typeof found === 'string') return found;
  throw WorkflowFault.of('configuration', 'The agent card names no address for JSON-RPC');
}

function parametersOf(method: string, parameters: Json | undefined, key: string): Json {
  if (!method.startsWith('message/') || !isObject(parameters)) return parameters ?? {};
  const message = isObject(parameters['message']) ? parameters['message'] : {};
  return { ...parameters, message: { messageId: v5(key, NAMESPACE), role: 'user', ...message } };
}

function readAnswer(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    return null;
  }
}

function resultOf(answer: Json, url: URL): Json {
  if (isObject(answer) && isObject(answer['error'])) {
    const { code, message } = answer['error'];
    throw WorkflowFault.of('runtime', `${url.host}: ${textOf(message ?? 'error')} (${textOf(code ?? 0)})`);
  }
  if (isObject(answer) && answer['result'] !== undefined) return answer['result'];
  throw WorkflowFault.of('runtime', `${url.host} did not answer in JSON-RPC`);
}

function eventsOf(stream: string): Json[] {
  const found: Json[] = [];
  const parser = new SseParser(
    stream.length,
    ({ data }) => found.push(readAnswer(Buffer.from(data))),
    () => undefined,
  );
  // The last event counts too when the stream ends without its empty line.
  parser.push(Buffer.from(`${stream}\n\n`));
  return found;
}
