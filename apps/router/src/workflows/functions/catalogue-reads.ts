import { AppError, type Principal } from '@mcp-router/shared';
import type { Catalogue } from '../../catalogue/catalogue';
import { modernEnvelope } from '../../upstreams/handshake';
import { outcomeOf, requestText } from '../../upstreams/message';
import type { UpstreamRegistry } from '../../upstreams/upstream-registry';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';

/** What reading in the catalogue needs. */
export interface Reading {
  catalogue: Catalogue;
  upstreams: UpstreamRegistry;
  principal: Principal;
  signal: AbortSignal;
}

/** `call: prompt`: a prompt by its name in the catalogue. The output is its messages, and the text in them. */
export async function getPrompt(args: JsonObject, reading: Reading): Promise<Json> {
  const name = textOf(args['name'] ?? '');
  const prompt = reading.catalogue.find('prompts', name);
  if (!prompt) throw new AppError('resource_not_found', `No server offers the prompt "${name.slice(0, 128)}"`);
  const given = Object.entries(isObject(args['arguments']) ? args['arguments'] : {});
  // Arguments of prompts are texts.
  const texts = Object.fromEntries(given.map(([key, value]) => [key, textOf(value)]));
  const result = await read(prompt.server, 'prompts/get', { name: prompt.name, arguments: texts }, reading);
  const messages = Array.isArray(result['messages']) ? result['messages'] : [];
  const { description } = result;
  return {
    ...(description === undefined ? {} : { description }),
    messages,
    text: joined(messages.map((message) => (isObject(message) ? message['content'] : undefined))),
  };
}

/** `call: resource`: a resource by its URI, of the server that has it or of the one that is named. */
export async function readResource(args: JsonObject, reading: Reading): Promise<Json> {
  const uri = textOf(args['uri'] ?? '');
  const owners = reading.catalogue.ownersOf(uri);
  const server = args['server'] === undefined ? owners[0] : textOf(args['server']);
  if (server === undefined)
    throw new AppError('resource_not_found', `No server has the resource "${uri.slice(0, 256)}"`);
  const result = await read(server, 'resources/read', { uri }, reading);
  const contents = Array.isArray(result['contents']) ? result['contents'] : [];
  return { contents, text: joined(contents) };
}

async function read(
  slug: string,
  method: string,
  params: JsonObject,
  { upstreams, principal, signal }: Reading,
): Promise<JsonObject> {
  const upstream = upstreams.get(slug);
  if (!upstream) throw new AppError('server_not_found', `No server is called "${slug.slice(0, 64)}"`);
  const { era, protocolVersion } = await upstream.ready(signal);
  const envelope = era === 'modern' ? { _meta: modernEnvelope(protocolVersion) } : {};
  const response = await upstream.exchange({
    message: requestText('1', method, { ...params, ...envelope }),
    principal,
    signal,
  });
  const outcome = outcomeOf(response);
  if ('error' in outcome) throw new AppError('upstream_error', `"${slug}" answered: ${outcome.error.message}`);
  const result = JSON.parse(outcome.result) as Json;
  return isObject(result) ? result : {};
}

/** The text in blocks of content. */
function joined(blocks: readonly (Json | undefined)[]): string {
  return blocks
    .flatMap((block) => (isObject(block) && block['text'] !== undefined ? [textOf(block['text'])] : []))
    .join('\n');
}
