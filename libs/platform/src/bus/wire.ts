/*
 * What travels on the channels. A frame is text: one letter, a head of words, and for some a body.
 *
 *   Q<id> <from> <ttlMs> <pattern> <meta JSON>\n<body>   request, to the channel of one instance
 *   C<id> <from>                                          the caller does not want the answer any more
 *   P<from> <id>,<id>…                                    are you there, and do you know these requests?
 *   V<id> <body>      one answer, more may follow         Z<id> <body>   the last answer
 *   D<id>             the end, without a value            E<id> <error JSON>
 *   X<id>             not accepted, nothing was done: ask another instance
 *   U<channel> <id>,<id>…   answer to P: these are not known here
 *   B<event> <JSON>   broadcast                           L+<app> <instance>, L-<app> <instance>   joins, leaves
 *   M<length>,<length>…\n<frame><frame>…                  several frames in one message
 *   K…, A…            chunks of one large frame and their acknowledgements: see transfers.ts
 *
 * A body is JSON, or JSON, a line feed and the contract's raw field as plain text (JSON has no bare line feed).
 * `from` is the address of the caller's inbox. A time to live, not an instant, is sent: clocks differ between machines.
 */
import { AppError, type Contract, type Principal } from '@mcp-router/shared';

export interface RequestHead {
  readonly id: number;
  readonly from: string;
  readonly ttlMs: number;
  readonly pattern: string;
  readonly meta: Meta;
}

export interface Meta {
  readonly requestId: string;
  readonly traceparent?: string | undefined;
  readonly principal?: Principal | undefined;
}

const principals = new WeakMap<Principal, string>();
/** Principals that were read, by their JSON: of few callers there are many requests. */
const readPrincipals = new Map<string, Principal>();
const MAX_READ_PRINCIPALS = 1_000;
const BEFORE_PRINCIPAL = ',"principal":';

/** `JSON.stringify` of the metadata; a principal is written once and used for all the requests of its session. */
export function encodeMeta({ requestId, traceparent, principal }: Meta): string {
  let text = `{"requestId":${JSON.stringify(requestId)}`;
  if (traceparent !== undefined) text += `,"traceparent":${JSON.stringify(traceparent)}`;
  if (principal !== undefined) {
    let written = principals.get(principal);
    if (written === undefined) principals.set(principal, (written = JSON.stringify(principal)));
    text += BEFORE_PRINCIPAL + written;
  }
  return text + '}';
}

/** What `encodeMeta` wrote. The caller's identity stands last; nothing before it can hold an unescaped quote. */
function decodeMeta(text: string): Meta {
  const at = text.indexOf(BEFORE_PRINCIPAL);
  if (at < 0) return JSON.parse(text) as Meta;
  const { requestId, traceparent } = JSON.parse(`${text.slice(0, at)}}`) as Meta;
  return { requestId, traceparent, principal: readPrincipal(text.slice(at + BEFORE_PRINCIPAL.length, -1)) };
}

function readPrincipal(text: string): Principal {
  let principal = readPrincipals.get(text);
  if (!principal) {
    principal = JSON.parse(text) as Principal;
    if (readPrincipals.size === MAX_READ_PRINCIPALS) readPrincipals.clear();
    readPrincipals.set(ownText(text), principal);
  }
  return principal;
}

/** A copy for keeping: what was cut out of a frame keeps the whole frame in memory. */
export function ownText(part: string): string {
  return Buffer.from(part).toString();
}

export function encodeBody(value: unknown, raw: string | undefined): string {
  if (value === undefined) return '';
  if (raw !== undefined && typeof value === 'object' && value !== null) {
    const text = (value as Record<string, unknown>)[raw];
    if (typeof text === 'string') return `${withoutField(value as Record<string, unknown>, raw)}\n${text}`;
  }
  return JSON.stringify(value);
}

/** JSON of all fields but one. Written out: for a copy without the field V8 makes a hidden class each time. */
function withoutField(value: Record<string, unknown>, left: string): string {
  let text = '';
  for (const name in value) {
    const field = value[name];
    if (name !== left && field !== undefined)
      text += `${text === '' ? '{' : ','}${JSON.stringify(name)}:${JSON.stringify(field)}`;
  }
  return text === '' ? '{}' : text + '}';
}

/** The value that `encodeBody` wrote, from position `start` of a frame on. */
export function decodeBody(frame: string, start: number, raw: string | undefined): unknown {
  const end = raw === undefined ? -1 : frame.indexOf('\n', start);
  if (raw === undefined || end < 0) return start >= frame.length ? undefined : JSON.parse(frame.slice(start));
  const value = JSON.parse(frame.slice(start, end)) as Record<string, unknown>;
  value[raw] = frame.slice(end + 1);
  return value;
}

export function encodeRequest(
  id: number,
  from: string,
  ttlMs: number,
  pattern: string,
  meta: string,
  body: string,
): string {
  return `Q${id} ${from} ${ttlMs} ${pattern} ${meta}\n${body}`;
}

/** The head of a request frame and where its body begins. */
export function decodeRequest(frame: string): [RequestHead, number] {
  const from = frame.indexOf(' ') + 1;
  const ttl = frame.indexOf(' ', from) + 1;
  const pattern = frame.indexOf(' ', ttl) + 1;
  const meta = frame.indexOf(' ', pattern) + 1;
  const body = frame.indexOf('\n', meta) + 1;
  const head = {
    id: Number(frame.slice(1, from - 1)),
    from: frame.slice(from, ttl - 1),
    ttlMs: Number(frame.slice(ttl, pattern - 1)),
    pattern: frame.slice(pattern, meta - 1),
    meta: decodeMeta(frame.slice(meta, body - 1)),
  };
  return [head, body];
}

/** Puts frames into one message; a single one stays as it is. */
export function pack(frames: string[]): string {
  if (frames.length === 1) return frames[0] as string;
  let lengths = `M${(frames[0] as string).length}`;
  for (let at = 1; at < frames.length; at++) lengths += `,${(frames[at] as string).length}`;
  return lengths + '\n' + frames.join('');
}

/** Gives the frames of a message one by one, in order. */
export function unpack(message: string, take: (frame: string) => void): void {
  if (message.charCodeAt(0) !== 77 /* M */) {
    take(message);
    return;
  }
  const eol = message.indexOf('\n');
  let start = eol + 1;
  for (const length of message.slice(1, eol).split(',')) {
    const end = start + Number(length);
    take(message.slice(start, end));
    start = end;
  }
}

/** Size in UTF-8, measured only when the number of characters leaves a doubt. */
export function exceeds(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true;
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

export function tooLarge(pattern: string, what: 'input' | 'output', maxBytes: number): AppError {
  return new AppError('payload_too_large', `The ${what} of ${pattern} is larger than ${maxBytes} bytes`, {
    hint: 'Ask for less at once (a page, a part, a reference)',
  });
}

/**
 * The input as the contract's schema gives it, with its defaults.
 *
 * @throws AppError `invalid_request`, with a JSON Pointer for each fault
 */
export function validInput(contract: Contract, input: unknown): unknown {
  const result = contract.input.safeParse(input);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({
    pointer: path.map((key) => '/' + String(key).replaceAll('~', '~0').replaceAll('/', '~1')).join(''),
    detail: message,
  }));
  const first = errors[0] ? `: ${errors[0].pointer || 'the value'}: ${errors[0].detail}` : '';
  throw new AppError('invalid_request', `The input does not match ${contract.pattern}${first}`, { errors });
}
