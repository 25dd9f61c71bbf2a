import { randomBytes } from 'node:crypto';
import { AppError, applyEdits, membersOf, readRpc, removeMembers, setMember, type RpcText } from '@mcp-router/shared';
import type { ModernCall } from '../routing/call';
import type { ServerHandle } from '../upstreams/upstream';
import { paramText } from './envelope';

/** Sends the call to the server. Its messages come to `onMessage`; `signal` is the parked call's own. */
export type Send = (
  onMessage: (message: RpcText, server: ServerHandle) => void,
  signal: AbortSignal,
) => Promise<string>;

/** The capability a client needs to be asked this. */
export const CAPABILITY_FOR: Record<string, string | undefined> = {
  'sampling/createMessage': 'sampling',
  'elicitation/create': 'elicitation',
  'roots/list': 'roots',
};

/** Questions that come within this time of each other go to the client together. */
const GATHER_MS = 10;

export interface Question {
  key: string;
  id: string;
  method: string;
  params: string | undefined;
  server: ServerHandle;
}

/** One call that a legacy server works on, over all its rounds. */
export class ParkedCall {
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

/** The refusal of a call whose questions its client cannot be asked; `undefined` when it can. */
export function missingCapabilities(
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
