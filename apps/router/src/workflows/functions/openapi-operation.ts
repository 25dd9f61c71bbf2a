import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import { WorkflowFault } from '../engine/fault';
import { addressOf } from './send-request';

/** One parameter of an operation, of OpenAPI 3 or Swagger 2. */
export interface Parameter extends JsonObject {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie' | 'body' | 'formData';
  required: boolean;
  /** As in OpenAPI 3; what Swagger calls `collectionFormat` is translated. */
  style: string;
  explode: boolean;
}

/** All that a request needs to know of an operation: what the history keeps of a document. */
export interface Operation extends JsonObject {
  method: string;
  /** Absolute, with `{name}` for the path parameters. */
  url: string;
  parameters: Parameter[];
  /** Media type of the body; null when the operation has none. */
  bodyType: string | null;
  isBodyRequired: boolean;
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;
const MAX_REFERENCES = 32;

/**
 * Finds an operation in a document of OpenAPI 3 or Swagger 2.
 *
 * @param from where the document was read: servers may be relative to it
 * @throws WorkflowFault `configuration`
 */
export function findOperation(document: Json, operationId: string, from: URL): Operation {
  if (!isObject(document) || !isObject(document['paths']))
    throw WorkflowFault.of('configuration', `${from.href} is not an OpenAPI document`);
  for (const [path, written] of Object.entries(document['paths'])) {
    const item = dereferenced(document, written);
    if (!isObject(item)) continue;
    for (const method of METHODS) {
      const operation = item[method];
      if (!isObject(operation) || operation['operationId'] !== operationId) continue;
      const parameters = parametersOf(document, item, operation);
      return {
        method: method.toUpperCase(),
        url: `${serverOf(document, item, operation, from).replace(/\/$/, '')}${path}`,
        parameters,
        ...bodyOf(document, operation, parameters),
      };
    }
  }
  const known = operationIds(document['paths']).slice(0, 20).join(', ');
  throw WorkflowFault.of(
    'configuration',
    `${from.href} has no operation \`${operationId}\`${known === '' ? '' : `; it has ${known}`}`,
  );
}

/** What `$ref` stands for, within the document. @throws WorkflowFault `configuration` */
function dereferenced(document: JsonObject, value: Json | undefined): Json | undefined {
  let found = value;
  for (let count = 0; isObject(found) && typeof found['$ref'] === 'string'; count++) {
    const reference = found['$ref'];
    if (!reference.startsWith('#/') || count >= MAX_REFERENCES)
      throw WorkflowFault.of('configuration', `The reference ${reference} of the document cannot be followed`);
    found = reference
      .slice(2)
      .split('/')
      .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<Json | undefined>((at, name) => (isObject(at) ? at[name] : undefined), document);
  }
  return found;
}

/** Those of the operation over those of its path. */
function parametersOf(document: JsonObject, item: JsonObject, operation: JsonObject): Parameter[] {
  const found = new Map<string, Parameter>();
  for (const list of [item['parameters'], operation['parameters']])
    for (const entry of Array.isArray(list) ? list : []) {
      const parameter = dereferenced(document, entry);
      if (!isObject(parameter) || typeof parameter['name'] !== 'string') continue;
      const place = parameter['in'] as Parameter['in'];
      const { style, explode } = styleOf(parameter, place);
      const required = parameter['required'] === true;
      found.set(`${place} ${parameter['name']}`, { name: parameter['name'], in: place, required, style, explode });
    }
  return [...found.values()];
}

const COMMAS = { style: 'form', explode: false };
const COLLECTIONS: Readonly<Record<string, { style: string; explode: boolean }>> = {
  ssv: { style: 'spaceDelimited', explode: false },
  pipes: { style: 'pipeDelimited', explode: false },
  multi: { style: 'form', explode: true },
};

function styleOf(parameter: JsonObject, place: Parameter['in']): { style: string; explode: boolean } {
  const isOfSwagger = parameter['type'] !== undefined;
  const isForm = place === 'query' || place === 'cookie';
  if (isOfSwagger && isForm) return COLLECTIONS[textOf(parameter['collectionFormat'] ?? 'csv')] ?? COMMAS;
  const style = textOf(parameter['style'] ?? (isForm ? 'form' : 'simple'));
  const { explode } = parameter;
  return { style, explode: typeof explode === 'boolean' ? explode : style === 'form' };
}

function bodyOf(
  document: JsonObject,
  operation: JsonObject,
  parameters: readonly Parameter[],
): Pick<Operation, 'bodyType' | 'isBodyRequired'> {
  const body = dereferenced(document, operation['requestBody']);
  if (isObject(body)) {
    const types = isObject(body['content']) ? Object.keys(body['content']) : [];
    const bodyType = types.find((type) => /[/+]json\b/i.test(type)) ?? types[0] ?? 'application/json';
    return { bodyType, isBodyRequired: body['required'] === true };
  }
  const inBody = parameters.find((parameter) => parameter.in === 'body');
  const inForm = parameters.some((parameter) => parameter.in === 'formData');
  if (!inBody && !inForm) return { bodyType: null, isBodyRequired: false };
  const consumes = operation['consumes'] ?? document['consumes'];
  const types = Array.isArray(consumes) ? consumes.map((type) => textOf(type)) : [];
  const usual = inForm ? 'application/x-www-form-urlencoded' : 'application/json';
  const bodyType = inForm ? usual : (types.find((type) => /[/+]json\b/i.test(type)) ?? types[0] ?? usual);
  return { bodyType, isBodyRequired: inBody?.required ?? false };
}

function serverOf(document: JsonObject, item: JsonObject, operation: JsonObject, from: URL): string {
  if (document['swagger'] !== undefined) {
    const schemes = Array.isArray(document['schemes']) ? document['schemes'].map((scheme) => textOf(scheme)) : [];
    const own = from.protocol.slice(0, -1);
    const scheme = schemes.includes(own) ? own : (schemes[0] ?? own);
    return addressOf(`${scheme}://${textOf(document['host'] ?? from.host)}${textOf(document['basePath'] ?? '')}`).href;
  }
  const servers = [operation['servers'], item['servers'], document['servers']].find(
    (list) => Array.isArray(list) && list.length > 0,
  );
  const server = Array.isArray(servers) ? servers[0] : undefined;
  if (!isObject(server)) return addressOf('/', from).href;
  const variables = isObject(server['variables']) ? server['variables'] : {};
  const address = textOf(server['url'] ?? '/').replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = variables[name];
    return isObject(variable) && variable['default'] !== undefined ? textOf(variable['default']) : whole;
  });
  return addressOf(address, from).href;
}

function operationIds(paths: JsonObject): string[] {
  return Object.values(paths).flatMap((item) =>
    isObject(item)
      ? METHODS.flatMap((method) => {
          const operation = item[method];
          return isObject(operation) && typeof operation['operationId'] === 'string' ? [operation['operationId']] : [];
        })
      : [],
  );
}
