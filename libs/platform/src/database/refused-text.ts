import { AppError } from '@mcp-router/shared';

/** SQLSTATE of a text with a zero byte, as text and as JSON. */
const ZERO_BYTE = new Set(['22021', '22P05']);
/** SQLSTATE of what does not read as a time, of a time or an offset out of all bounds. */
const NO_TIME = new Set(['22007', '22008', '22009']);
/** SQLSTATE of anything that cannot be read as its type; of JSON that is half of a surrogate pair. */
const UNREADABLE = '22P02';

/**
 * Postgres takes neither a zero byte nor half of a surrogate pair as text, though JSON may hold both, and knows no year 0.
 *
 * @returns what to tell the caller who sent one; undefined for any other failure
 */
export function refusedText(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code } = ('driverError' in thrown ? thrown.driverError : thrown) as { code?: unknown };
  if (typeof code === 'string' && NO_TIME.has(code))
    return new AppError('invalid_request', 'A time is none that exists or can be stored', { cause: thrown });
  const isText = typeof code === 'string' && ZERO_BYTE.has(code);
  if (!isText && !(code === UNREADABLE && thrown.message.includes('type json'))) return undefined;
  return new AppError('invalid_request', 'A text holds a zero byte or half of a surrogate pair', { cause: thrown });
}

/**
 * The same JSON text with a replacement character for what no column takes. A record is written by `JSON.stringify`, which
 * escapes zero bytes and lone surrogates and no pair.
 */
export function storableJson(json: string): string {
  if (!json.includes('\\u')) return json;
  return json.replace(/\\(?:u(?:0000|d[89a-f][0-9a-f]{2})|.)/g, (escape) =>
    /^\\u(?:0000|d)/.test(escape) ? '\\ufffd' : escape,
  );
}
