import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError, applyEdits, elementsOf, memberAt, readRpc, type RpcText } from '@mcp-router/shared';
import type { ModernCall } from '../routing/call';
import { paramText, stringParam } from './envelope';
import { missingCapabilities, ParkedCall, type Send } from './parked-call';
import { errorCodeOf, toModern } from './results';

export interface ParkingLimits {
  /** How long a call waits for its client, in milliseconds; then the server's call is cancelled. */
  ttlMs: number;
  maxParked: number;
}

const URL_ELICITATION_REQUIRED = -32042;

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
    if (instance !== this.instance) {
      throw new AppError('invalid_request', 'The call that this continues is gone; start it again');
    }
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
