import { Buffer, isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { AppError, ENVELOPE, MODERN_VERSIONS, SUPPORTED_VERSIONS } from '@mcp-router/shared';
import { isObject, type ParsedMessage } from './message';

/*
 * What 2026-07-28 asks of a message before anyone looks at its meaning (specification, basic/index, basic/versioning and
 * streamable-http#server-validation). The body decides the era: a proxy may have dropped a header.
 */

/** Methods of the old era that a modern request gets no answer to. */
const REMOVED = new Set(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);

/** The field of `params` that `Mcp-Name` repeats. */
const NAME_FIELD: Record<string, string | undefined> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

export function isModernVersion(version: string): boolean {
  return version >= MODERN_VERSIONS[0] && /^\d{4}-\d{2}-\d{2}$/.test(version);
}

/** The version that the message's own envelope names; `undefined` for a message of the old era. */
function claimedVersion(params: Record<string, unknown> | undefined): unknown {
  const meta = params?.['_meta'];
  return isObject(meta) ? meta[ENVELOPE.version] : undefined;
}

/**
 * Decides the era of one message and applies the rules of the modern one.
 *
 * @returns the modern version it speaks, or `undefined` when it is of the old era
 * @throws AppError `invalid_request`, `header_mismatch`, `unsupported_protocol_version`, `method_not_found`,
 * `invalid_message`
 */
export function checkModern(message: ParsedMessage, headers: IncomingHttpHeaders): string | undefined {
  const header = one(headers['mcp-protocol-version']);
  const claim = claimedVersion(message.params);
  const headerIsModern = header !== undefined && isModernVersion(header);
  if (claim === undefined) {
    if (!headerIsModern) return undefined;
    if (message.kind === 'response') throw new AppError('invalid_message', 'A client does not send responses');
    if (message.kind === 'notification') return version(header, header);
    if (message.method === 'initialize') {
      throw new AppError(
        'header_mismatch',
        `"initialize" does not exist in ${header}, which MCP-Protocol-Version names`,
      );
    }
    throw missingEnvelope(ENVELOPE.version);
  }
  if (typeof claim !== 'string') throw missingEnvelope(ENVELOPE.version);
  // The handshake of the old era may carry any `_meta`.
  if (message.method === 'initialize' && !isModernVersion(claim)) return undefined;
  if (header !== undefined && header !== claim) {
    throw new AppError('header_mismatch', `MCP-Protocol-Version is "${header}" but the message says "${claim}"`);
  }
  const spoken = version(claim, claim);
  if (message.kind === 'request') checkRequest(message, headers, header);
  else checkMethodHeader(message, headers);
  return spoken;
}

function version(known: string, requested: string): string {
  if ((MODERN_VERSIONS as readonly string[]).includes(known)) return known;
  throw unsupportedVersion(requested);
}

export function unsupportedVersion(requested: string): AppError {
  return new AppError('unsupported_protocol_version', `Protocol version "${requested}" is not supported`, {
    data: { supported: [...SUPPORTED_VERSIONS], requested },
  });
}

function missingEnvelope(field: string): AppError {
  return new AppError('invalid_request', `params._meta needs "${field}"`, {
    errors: [{ pointer: `/params/_meta/${field.replace('/', '~1')}`, detail: 'is missing or has the wrong type' }],
  });
}

function checkRequest(message: ParsedMessage, headers: IncomingHttpHeaders, header: string | undefined): void {
  const method = message.method as string;
  const params = message.params as Record<string, unknown>;
  const meta = params['_meta'] as Record<string, unknown>;
  if (!isObject(meta[ENVELOPE.capabilities])) throw missingEnvelope(ENVELOPE.capabilities);
  const clientInfo = meta[ENVELOPE.clientInfo];
  if (clientInfo !== undefined && !(isObject(clientInfo) && typeof clientInfo['name'] === 'string')) {
    throw missingEnvelope(ENVELOPE.clientInfo);
  }
  if (header === undefined) throw new AppError('header_mismatch', 'The header MCP-Protocol-Version is missing');
  if (headers['mcp-method'] === undefined) throw new AppError('header_mismatch', 'The header Mcp-Method is missing');
  checkMethodHeader(message, headers);
  checkNameHeader(method, params, headers);
  if (REMOVED.has(method)) {
    throw new AppError('method_not_found', `"${method}" does not exist in protocol version ${header}`);
  }
}

function checkMethodHeader({ method }: ParsedMessage, headers: IncomingHttpHeaders): void {
  const header = one(headers['mcp-method']);
  if (header !== undefined && header !== method) {
    throw new AppError('header_mismatch', `Mcp-Method is "${header}" but the message says "${method}"`);
  }
}

function checkNameHeader(method: string, params: Record<string, unknown>, headers: IncomingHttpHeaders): void {
  const field = Object.hasOwn(NAME_FIELD, method) ? NAME_FIELD[method] : undefined;
  if (field === undefined) return;
  const value = params[field];
  const header = one(headers['mcp-name']);
  if (header === undefined) {
    if (typeof value !== 'string') return;
    throw new AppError('header_mismatch', `The header Mcp-Name is missing; it repeats params.${field}`);
  }
  const name = decodeHeader(header);
  if (name === undefined) throw new AppError('header_mismatch', 'Mcp-Name is not valid Base64 of UTF-8');
  if (typeof value === 'string' && value !== name) {
    throw new AppError('header_mismatch', `Mcp-Name is "${name}" but params.${field} is "${value}"`);
  }
}

/** A header value; `=?base64?…?=` is decoded. `undefined` if that is not canonical Base64 of UTF-8. */
export function decodeHeader(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const encoded = value.slice('=?base64?'.length, -2);
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** A header's value without the optional white space around it; a repeated header counts as its list. */
export function one(value: string | string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  return (typeof value === 'string' ? value : value.join(', ')).trim();
}

/** The `Mcp-Param-*` headers, names in lower case; `undefined` when there are none. */
export function paramHeaders(headers: IncomingHttpHeaders): Record<string, string> | undefined {
  let found: Record<string, string> | undefined;
  for (const name in headers) {
    if (name.startsWith('mcp-param-')) (found ??= {})[name] = one(headers[name]) ?? '';
  }
  return found;
}
