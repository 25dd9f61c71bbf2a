import { AppError, memberAt } from '@mcp-router/shared';
import { headerValue } from '../upstreams/mcp-headers';

/*
 * Arguments that a modern client repeats in HTTP headers, so that what stands between can route by them
 * (specification of 2026-07-28, streamable-http, "Schema Extension"; `x-mcp-header` in a tool's input schema).
 */

/** One argument with its header. */
export interface HeaderParam {
  path: readonly string[];
  /** In lower case, with the prefix. */
  header: string;
  type: string;
}

const KEY = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES = new Set(['string', 'integer', 'boolean', 'number']);

type Json = Record<string, unknown>;

/** Keywords whose schemas are not reached by `properties` alone, and those of them that hold schemas by name. */
const ELSEWHERE = [
  ...['items', 'prefixItems', 'contains', 'additionalProperties', 'unevaluatedProperties', 'unevaluatedItems'],
  ...['propertyNames', 'patternProperties', 'dependentSchemas', 'oneOf', 'anyOf', 'allOf', 'not', 'if', 'then', 'else'],
  ...['$defs', 'definitions'],
];
const BY_NAME = new Set(['patternProperties', 'dependentSchemas', '$defs', 'definitions']);
/** Of `TYPES`: a number has no one way to be written. */
const ALLOWED_TYPES = new Set(['string', 'integer', 'boolean']);
const MAX_DEPTH = 32;

/**
 * Why a tool may not be offered: a client that speaks Streamable HTTP has to leave out tools whose `x-mcp-header` breaks
 * a rule.
 *
 * @param tool definition, JSON text
 * @returns the rule that is broken, `undefined` if none is
 */
export function headerFault(tool: string): string | undefined {
  if (!tool.includes(`"${KEY}"`)) return undefined;
  const { inputSchema } = JSON.parse(tool) as { inputSchema?: unknown };
  return faultIn(inputSchema, [], true, new Set());
}

function faultIn(
  schema: unknown,
  path: readonly string[],
  isReachable: boolean,
  names: Set<string>,
): string | undefined {
  if (typeof schema !== 'object' || schema === null || path.length > MAX_DEPTH) return undefined;
  const fields = schema as Json;
  const fault = KEY in fields ? faultOf(fields, path, isReachable, names) : undefined;
  if (fault !== undefined) return `${path.join('.')}: ${fault}`;
  for (const [key, child] of entriesOf(fields['properties'])) {
    const found = faultIn(child, [...path, key], isReachable, names);
    if (found !== undefined) return found;
  }
  for (const keyword of ELSEWHERE) {
    const value = fields[keyword];
    const children = Array.isArray(value) || BY_NAME.has(keyword) ? entriesOf(value) : [['', value] as const];
    for (const [, child] of children) {
      const found = faultIn(child, [...path, keyword], false, names);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function faultOf({ [KEY]: name, type }: Json, path: readonly string[], isReachable: boolean, names: Set<string>) {
  if (!isReachable || path.length === 0) return `${KEY} is reached by more than "properties"`;
  if (typeof name !== 'string' || !TOKEN.test(name)) return `${KEY} is no name of a header`;
  if (typeof type !== 'string' || !ALLOWED_TYPES.has(type)) return `${KEY} is for strings, integers and booleans`;
  if (names.has(name.toLowerCase())) return `${KEY} "${name}" is there twice`;
  names.add(name.toLowerCase());
  return undefined;
}

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];

/** The header parameters that a tool's definition declares on properties reachable by `properties` alone. */
export function scanHeaderParams(tool: string): readonly HeaderParam[] {
  if (!tool.includes(`"${KEY}"`)) return [];
  const { inputSchema } = JSON.parse(tool) as { inputSchema?: unknown };
  const found: HeaderParam[] = [];
  collect(inputSchema, [], found);
  return found;
}

/** Whether two definitions of a tool repeat the same arguments in the same headers. */
export function wantsSameHeaders(tool: string, other: string): boolean {
  return JSON.stringify(scanHeaderParams(tool)) === JSON.stringify(scanHeaderParams(other));
}

function collect(schema: unknown, path: readonly string[], found: HeaderParam[]): void {
  if (typeof schema !== 'object' || schema === null || path.length > MAX_DEPTH) return;
  const { type, properties } = schema as Json;
  const name = (schema as Json)[KEY];
  if (path.length > 0 && typeof name === 'string' && TOKEN.test(name) && typeof type === 'string' && TYPES.has(type)) {
    found.push({ path, header: `mcp-param-${name.toLowerCase()}`, type });
  }
  if (typeof properties !== 'object' || properties === null) return;
  for (const [key, child] of Object.entries(properties)) collect(child, [...path, key], found);
}

/**
 * Checks that the headers repeat what the arguments say.
 *
 * @param params start of the request's `params` in `text`
 * @throws AppError `header_mismatch`
 */
export function checkHeaderParams(
  declared: readonly HeaderParam[],
  text: string,
  params: number,
  headers: Record<string, string> | undefined,
): void {
  for (const { path, header, type } of declared) {
    const value = argument(text, params, path);
    if (value === undefined) continue;
    const given = headers?.[header];
    if (given === undefined) throw new AppError('header_mismatch', `The header ${header} is missing`);
    const decoded = decode(given);
    if (decoded === undefined)
      throw new AppError('header_mismatch', `The header ${header} is not valid Base64 of UTF-8`);
    const isNumber = type === 'integer' || type === 'number';
    const equal = isNumber && /^-?\d+(\.\d+)?$/.test(decoded) ? Number(decoded) === Number(value) : decoded === value;
    if (!equal)
      throw new AppError('header_mismatch', `The header ${header} differs from the argument ${path.join('.')}`);
  }
}

/** The headers for an upstream that wants them, made from the arguments. */
export function headersFor(
  declared: readonly HeaderParam[],
  text: string,
  params: number,
  given: Record<string, string> | undefined,
): Record<string, string> | undefined {
  if (declared.length === 0) return given;
  const own = new Set(declared.map(({ header }) => header));
  const headers = Object.fromEntries(Object.entries(given ?? {}).filter(([name]) => !own.has(name)));
  for (const { path, header } of declared) {
    const value = argument(text, params, path);
    if (value !== undefined) headers[header] = headerValue(value);
  }
  return headers;
}

/** A primitive argument as the string that its header carries; `undefined` if there is none. */
function argument(text: string, params: number, path: readonly string[]): string | undefined {
  const member = memberAt(text, ['arguments', ...path], params);
  if (!member) return undefined;
  const raw = text.slice(member.start, member.end);
  if (raw.startsWith('"')) return JSON.parse(raw) as string;
  if (raw === 'true' || raw === 'false') return raw;
  const number = Number(raw);
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number))) return undefined;
  return raw === 'null' ? undefined : String(number);
}

function decode(value: string): string | undefined {
  if (!value.startsWith('=?base64?') || !value.endsWith('?=')) return value;
  const encoded = value.slice('=?base64?'.length, -2);
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
