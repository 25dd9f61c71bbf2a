import type { BusContext } from '@mcp-router/platform';
import type { McpRequest, Principal, RpcText } from '@mcp-router/shared';
import type { Session } from '../sessions/session';
import type { Envelope } from '../translation/envelope';
import type { ServerHandle } from '../upstreams/upstream';
import type { Cancellation } from '../upstreams/cancellation';

interface AnyCall {
  /** As the client wrote it. */
  readonly request: RpcText;
  readonly id: string;
  readonly method: string;
  /** Slug of `/mcp/{slug}`, `undefined` for the aggregate. */
  readonly endpoint: string | undefined;
  readonly principal: Principal;
  readonly context: BusContext;
  /** Aborts when nobody wants the answer any more. */
  readonly signal: Cancellation;
  readonly headers: McpRequest['headers'];
  /** Time spent at servers so far, in milliseconds. */
  upstreamMs: number;
  /** Takes a notification or a request that a server sent because of this call, in the form of the client's era. */
  take(message: RpcText, server: ServerHandle): void;
}

/** A request of a client with a session. */
export interface LegacyCall extends AnyCall {
  readonly era: 'legacy';
  readonly session: Session;
  /**
   * Asks the client something for the router itself.
   *
   * @returns the client's response
   * @throws AppError `cancelled` when the call is over before the answer
   */
  ask(method: string, params: string): Promise<string>;
}

/** A request of 2026-07-28, which says everything itself. */
export interface ModernCall extends AnyCall {
  readonly era: 'modern';
  readonly session: undefined;
  readonly envelope: Envelope;
}

export type Call = LegacyCall | ModernCall;
