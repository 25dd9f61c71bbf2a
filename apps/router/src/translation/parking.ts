import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  AppError,
  applyEdits,
  elementsOf,
  memberAt,
  membersOf,
  readRpc,
  removeMembers,
  setMember,
  type RpcText,
} from '@mcp-router/shared';
import type { ModernCall } from '../routing/call';
import type { ServerHandle } from '../upstreams/upstream';
import { paramText, stringParam } from './envelope';
import { errorCodeOf, toModern } from './results';

export interface ParkingLimits {
  /** How long a call waits for its client, in milliseconds; then the server's call is cancelled. */
  ttlMs: number;
  maxParked: number;
}

/** Sends the call to the server. Its messages come to `onMessage`; `signal` is the parked call's own. */
type Send = (onMessage: (message: RpcText, server: ServerHandle) => void, signal: AbortSignal) => Promise<string>;

/** The capability a client needs to be asked this. */
export const CAPABILITY_FOR: Record<string, string | undefined> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

const URL_ELICITATION_REQUIRED = -32042;

/** Questions that come within this time of each other go to the client together. */
const GATHER_MS = 10;

/**
 * Calls of modern clients that a legacy server has interrupted with a question. The server's call stays open here while
 * the client, which has got `input_required`, makes up its mind; its retry finds the call by the state it carries.
 */
export class Parking {
  private readonly secret = randomBytes(32);
  private readonly parked = new Map<string, ParkedCall>();

  constructor(
    private readonly instance: string,
    private readonly limits: ParkingLimits,
  ) {}

  /** Runs a call; the answer is the server's, or `input_required`. */
  start(call: ModernCall, send: Send): Promise<string> {
    const parked = new ParkedCall(call, send);
    return this.proceed(parked, call);
  }

  /** Whether a request carries a state of ours. */
  static isRetry({ request }: ModernCall): boolean {
    return (
      request.text.includes('"requestState"') && stringParam(request, ['requestState'])?.startsWith('router-') === true
    );
  }

  /**
   * Carries a parked call on with what the client answers.
   *
   * @throws AppError `invalid_request` when the state is not ours, not this caller's or not for this call
   */
  resume(call: ModernCall): Promise<string> {
    const state = stringParam(call.request, ['requestState']) ?? '';
    const [instance, id, round, mac] = state.split('.');
    const parked = id === undefined ? undefined : this.parked.get(id);
    const expected = Buffer.from(this.sign(`${instance}.${id}.${round}`, call));
    const given = Buffer.from(mac ?? '');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new AppError('invalid_request', 'The request state does not belong to this call');
    }
    if (!parked || parked.round !== Number(round)) {
      throw new AppError('invalid_request', 'The call that this continues is over; start it again');
    }
    const responses = paramText(call.request, ['inputResponses']) ?? '{}';
    parked.call = call;
    // What is still open is asked again.
    if (!parked.answer(responses)) return Promise.resolve(this.inputRequired(parked, call));
    return this.proceed(parked, call);
  }

  close(): void {
    for (const parked of this.parked.values()) parked.cancel();
  }

  private async proceed(parked: ParkedCall, call: ModernCall): Promise<string> {
    const cancel = () => parked.cancel();
    clearTimeout(parked.expiry);
    call.signal.addEventListener('abort', cancel, { once: true });
    try {
      const response = await parked.next();
      if (response === undefined) return this.inputRequired(parked, call);
      this.parked.delete(parked.id);
      return askToVisit(response, call) ?? toModern(withId(response, call.id), call.method);
    } catch (error) {
      this.parked.delete(parked.id);
      throw error;
    } finally {
      // From here on the end of this HTTP exchange says nothing about the call.
      call.signal.removeEventListener('abort', cancel);
    }
  }

  private inputRequired(parked: ParkedCall, call: ModernCall): string {
    const missing = missingCapabilities(parked.questions(), call.envelope.capabilities);
    if (missing) {
      parked.cancel();
      this.parked.delete(parked.id);
      throw missing;
    }
    if (!this.parked.has(parked.id) && this.parked.size >= this.limits.maxParked) {
      parked.cancel();
      throw new AppError('limit_exceeded', 'Too many calls are waiting for their clients');
    }
    this.parked.set(parked.id, parked);
    parked.call = undefined;
    parked.round++;
    parked.expiry = setTimeout(() => {
      this.parked.delete(parked.id);
      parked.cancel();
    }, this.limits.ttlMs).unref();
    const head = `${this.instance}.${parked.id}.${parked.round}`;
    const state = `${head}.${this.sign(head, call)}`;
    const requests = parked.questions().map(({ key, method, params }) => {
      return `${JSON.stringify(key)}:{"method":${JSON.stringify(method)}${params === undefined ? '' : `,"params":${params}`}}`;
    });
    const result = `{"resultType":"input_required","inputRequests":{${requests.join(',')}},"requestState":"${state}"}`;
    return `{"jsonrpc":"2.0","id":${call.id},"result":${result}}`;
  }

  /** Binds a state to the caller and to what it asked for. */
  private sign(head: string, { principal, endpoint, method, request }: ModernCall): string {
    const what = `${head}\n${principal.agentId}\n${endpoint ?? ''}\n${method}\n${fingerprint(request)}`;
    return createHmac('sha256', this.secret).update(what).digest('base64url');
  }
}

interface Question {
  key: string;
  id: string;
  method: string;
  params: string | undefined;
  server: ServerHandle;
}

/** One call that a legacy server works on, over all its rounds. */
class ParkedCall {
  readonly id = randomBytes(12).toString('base64url');
  /** The client's exchange that is open now. */
  call: ModernCall | undefined;
  round = 0;
  expiry: NodeJS.Timeout | undefined;
  private readonly open = new Map<string, Question>();
  private readonly abort = new AbortController();
  private readonly outcome: Promise<string>;
  private readonly firstToken: string | undefined;
  private asked = 0;
  private onQuestion: (() => void) | undefined;

  constructor(call: ModernCall, send: Send) {
    this.call = call;
    this.firstToken = paramText(call.request, ['_meta', 'progressToken']);
    this.outcome = send((message, server) => this.take(message, server), this.abort.signal);
    // Whoever waits in `next` hears of a failure; while the call is parked nobody does.
    this.outcome.catch(() => undefined);
  }

  questions(): Question[] {
    return [...this.open.values()];
  }

  /** Gives the call up: the server is told, and what it still waits for is answered. */
  cancel(): void {
    clearTimeout(this.expiry);
    for (const { id, server } of this.open.values()) server.respond(refusal(id, 'The call was given up'));
    this.open.clear();
    this.abort.abort();
  }

  /** The server's response, or `undefined` when it asks something first. */
  async next(): Promise<string | undefined> {
    if (this.open.size > 0) return undefined;
    const question = new Promise<undefined>((resolve) => {
      this.onQuestion = () => setTimeout(() => resolve(undefined), GATHER_MS);
    });
    return Promise.race([this.outcome, question]);
  }

  /** Passes answers to the server. @returns false when questions are left open */
  answer(responses: string): boolean {
    for (const { key, start, end } of membersOf(responses)) {
      const question = this.open.get(key);
      if (!question || responses[start] !== '{') continue;
      this.open.delete(key);
      question.server.respond(`{"jsonrpc":"2.0","id":${question.id},"result":${responses.slice(start, end)}}`);
    }
    return this.open.size === 0;
  }

  private take(message: RpcText, server: ServerHandle): void {
    if (message.kind === 'notification') {
      this.takeNotification(message, server);
      return;
    }
    const { id, method } = message;
    if (id === undefined || method === undefined) return;
    if (method === 'ping') {
      server.respond(`{"jsonrpc":"2.0","id":${id},"result":{}}`);
      return;
    }
    // Servers ask for roots on the chance that there are some and do without; what else they ask they cannot do without.
    const hasNoRoots = method === 'roots/list' && !this.declares('roots');
    if (CAPABILITY_FOR[method] === undefined || hasNoRoots) {
      server.respond(refusal(id, `The client does not support "${method}"`));
      return;
    }
    const key = `${method.slice(0, method.indexOf('/'))}_${++this.asked}`;
    this.open.set(key, { key, id, method, params: questionParams(message), server });
    this.onQuestion?.();
  }

  private declares(capability: string): boolean {
    return membersOf(this.call?.envelope.capabilities ?? '{}').some(({ key }) => key === capability);
  }

  private takeNotification(message: RpcText, server: ServerHandle): void {
    const { call } = this;
    if (message.method === 'notifications/cancelled') {
      const id = paramText(message, ['requestId']);
      for (const [key, question] of this.open) if (question.id === id) this.open.delete(key);
      return;
    }
    if (!call) return;
    call.take(this.withCurrentToken(message, call), server);
  }

  /** The server reports progress under the token of the first round; the client listens for that of the current one. */
  private withCurrentToken(message: RpcText, call: ModernCall): RpcText {
    if (message.method !== 'notifications/progress' || !message.params) return message;
    const token = paramText(call.request, ['_meta', 'progressToken']);
    if (token === undefined || token === this.firstToken) return message;
    return readRpc(applyEdits(message.text, [setMember(message.text, message.params.start, 'progressToken', token)]));
  }
}

/** The answer to a server's question that cannot be asked. */
export function refusal(id: string, message: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":${JSON.stringify(message)}}}`;
}

/** The question's parameters without what belongs to the connection it came over. */
function questionParams({ text, params }: RpcText): string | undefined {
  if (!params) return undefined;
  const value = text.slice(params.start, params.end);
  const meta = membersOf(value).find(({ key }) => key === '_meta');
  return meta ? applyEdits(value, removeMembers(value, meta.start, ['progressToken'])) : value;
}

function missingCapabilities(
  questions: Pick<Question, 'method' | 'params'>[],
  capabilities: string,
): AppError | undefined {
  const declared = JSON.parse(capabilities) as Record<string, Record<string, unknown> | undefined>;
  const missing: Record<string, object> = {};
  for (const { method, params } of questions) {
    const name = CAPABILITY_FOR[method] ?? '';
    if (declared[name] === undefined) missing[name] = {};
    // `elicitation: {}` means forms; a page to open has to be declared.
    else if (name === 'elicitation' && isUrlMode(params) && declared[name]['url'] === undefined)
      missing[name] = { url: {} };
  }
  if (Object.keys(missing).length === 0) return undefined;
  return new AppError('missing_capability', `The call needs a client with ${Object.keys(missing).join(', ')}`, {
    data: { requiredCapabilities: missing },
  });
}

function isUrlMode(params: string | undefined): boolean {
  return (
    params !== undefined &&
    membersOf(params).some(({ key, start, end }) => key === 'mode' && params.slice(start, end) === '"url"')
  );
}

/**
 * Servers of 2025-11-25 refuse a call until the user has been to some page (error -32042). A modern client is asked to
 * go there and to call again, which needs no state of ours.
 *
 * @throws AppError `missing_capability` when the client cannot open pages
 */
function askToVisit(response: string, { id, envelope }: ModernCall): string | undefined {
  if (errorCodeOf(response) !== URL_ELICITATION_REQUIRED) return undefined;
  const member = memberAt(response, ['error', 'data', 'elicitations']);
  const elicitations = member ? elementsOf(response, member.start) : [];
  if (elicitations.length === 0) return undefined;
  const questions = elicitations.map(({ start, end }) => ({
    method: 'elicitation/create',
    params: response.slice(start, end),
  }));
  const missing = missingCapabilities(questions, envelope.capabilities);
  if (missing) throw missing;
  const requests = questions.map(
    ({ method, params }, i) => `"elicitation_${i + 1}":{"method":"${method}","params":${params}}`,
  );
  return `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"input_required","inputRequests":{${requests.join(',')}}}}`;
}

/** What was asked for, however the client spaced and ordered it; what may differ between rounds is left out. */
function fingerprint({ text, params }: RpcText): string {
  if (!params) return '';
  const {
    _meta: _,
    inputResponses: __,
    requestState: ___,
    ...rest
  } = JSON.parse(text.slice(params.start, params.end)) as Record<string, unknown>;
  return createHash('sha256').update(stable(rest)).digest('base64url');
}

function stable(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${stable(field)}`).join(',')}}`;
}

function withId(response: string, id: string): string {
  const { idMember } = readRpc(response);
  if (!idMember || response.slice(idMember.start, idMember.end) === id) return response;
  return applyEdits(response, [{ start: idMember.start, end: idMember.end, text: id }]);
}
