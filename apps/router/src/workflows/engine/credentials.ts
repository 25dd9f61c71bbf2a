import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import { readAuthentication } from '../definition/read-components';
import { Reader } from '../definition/reader';
import type { Authentication } from '../definition/workflow';
import { WorkflowFault } from './fault';
import type { Frame, Interpreter } from './interpreter';

/** What stands in the history, and before callers, where a secret was. */
export const HIDDEN = '(secret)';

/** Data of a call, in which nothing is an authentication whatever it is named. */
const DATA = new Set(['body', 'headers', 'query', 'parameters', 'operation']);

/** The arguments with every authentication in them filled in: references followed, secrets put in. */
export async function withCredentials(
  run: Interpreter,
  args: JsonObject,
  frame: Frame,
  input: Json,
): Promise<JsonObject> {
  const entries = await Promise.all(
    Object.entries(args).map(async ([name, value]): Promise<[string, Json]> => {
      if (!isObject(value) || DATA.has(name)) return [name, value];
      if (name !== 'authentication') return [name, await withCredentials(run, value, frame, input)];
      const written = readAuthentication(new Reader(), value, '');
      if (!written) throw WorkflowFault.of('configuration', 'The authentication cannot be read');
      return [name, await filledIn(run, written, frame, input)];
    }),
  );
  return Object.fromEntries(entries);
}

async function filledIn(
  run: Interpreter,
  authentication: Authentication,
  frame: Frame,
  input: Json,
): Promise<JsonObject> {
  if (authentication.kind === 'reference') {
    const found = run.workflow.use.authentications[authentication.use];
    if (!found) throw WorkflowFault.of('configuration', `There is no authentication \`${authentication.use}\``);
    if (found.kind === 'reference') throw WorkflowFault.of('configuration', 'An authentication refers to another one');
    return filledIn(run, found, frame, input);
  }
  const { kind } = authentication;
  const scheme = (authentication as unknown as Record<string, JsonObject>)[kind] ?? {};
  if (typeof scheme['use'] === 'string') return { [kind]: fromSecret(run, kind, scheme['use']) };
  return { [kind]: await run.resolve(scheme, frame, input) };
}

/** A secret that holds the fields of a scheme. */
function fromSecret(run: Interpreter, kind: 'basic' | 'bearer' | 'oauth2', name: string): JsonObject {
  const { secrets = {} } = run.facts;
  const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  if (value === undefined) throw missingSecret(name);
  if (kind === 'bearer' && typeof value === 'string') return { token: value };
  if (!isObject(value))
    throw WorkflowFault.of('configuration', `The secret \`${name}\` does not hold the fields of \`${kind}\``);
  if (kind !== 'oauth2') return value;
  const reader = new Reader();
  const read = readAuthentication(reader, { oauth2: { grant: 'client_credentials', ...value } }, '');
  if (read?.kind !== 'oauth2' || reader.faults.length > 0)
    throw WorkflowFault.of('configuration', `The secret \`${name}\` does not hold the fields of \`oauth2\``);
  return read.oauth2 as unknown as JsonObject;
}

/**
 * The standard's authorization descriptor of a call; undefined when it proves nothing. A token of OAuth 2.0 is asked for
 * when the request is made, and not known to expressions.
 */
export function authorizationOf(args: JsonObject): JsonObject | undefined {
  const { endpoint, authentication, server } = args;
  const found = [authentication, ...[endpoint, server].map((place) => isObject(place) && place['authentication'])];
  const given = found.find((value) => isObject(value));
  if (!isObject(given)) return undefined;
  const { basic, bearer } = given;
  if (isObject(basic)) {
    const pair = `${textOf(basic['username'])}:${textOf(basic['password'])}`;
    return { scheme: 'Basic', parameter: Buffer.from(pair).toString('base64') };
  }
  return { scheme: 'Bearer', parameter: isObject(bearer) ? textOf(bearer['token']) : null };
}

/** What the standard says of a secret that is not there, or not for this workflow. */
export function missingSecret(name: string): WorkflowFault {
  return WorkflowFault.of('authorization', `There is no secret \`${name}\` for this workflow`);
}

/** Arguments as the history shows them: nothing that was computed from a secret, and no credentials. */
export function withoutSecrets(written: Json | undefined, value: Json): Json {
  if (typeof written === 'string') return written.includes('$secrets') ? HIDDEN : value;
  if (Array.isArray(written) && Array.isArray(value))
    return value.map((item, index) => withoutSecrets(written[index], item));
  if (!isObject(written) || !isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const source = written[name];
      const isCredential = name === 'authentication' && isObject(source) && source['use'] === undefined;
      return [name, isCredential ? HIDDEN : withoutSecrets(source, item)];
    }),
  );
}

const SECRET_NAME = /\$secrets\s*(?:\.\s*([A-Za-z_]\w*)|\.\s*"([^"\\]*)"|\.?\s*\[\s*"([^"\\]*)"\s*\])/g;

/** Names of the secrets that the texts in a value read. */
export function secretsIn(value: Json): string[] {
  if (typeof value === 'string')
    return value.includes('$secrets')
      ? [...value.matchAll(SECRET_NAME)].map(([, plain, quoted, indexed]) => plain ?? quoted ?? indexed ?? '')
      : [];
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  return isObject(value) ? Object.values(value).flatMap(secretsIn) : [];
}
