import type { Exchange, UpstreamInfo } from './upstream';
import type { RpcText } from '@mcp-router/shared';

/**
 * A message that no exchange in flight caused, with the way to answer it on the connection it came from.
 *
 * @param taskId the task that it belongs to
 * @returns whether it was taken; a request that was not is refused
 */
export type OnStray = (message: RpcText, send: (text: string) => void, taskId?: string) => boolean;

/** Why a connection ended by itself. */
export interface Loss {
  reason: string;
  /** The stored session is unknown to the server (404): a new one may be opened at once. */
  sessionExpired?: boolean;
}

/**
 * One connection to one server, past its handshake. Replaces ids and progress tokens; knows neither retries nor queues.
 */
export interface Connection {
  readonly info: UpstreamInfo;
  /** Process id of a stdio server. */
  readonly pid: number | undefined;
  readonly isOver: boolean;
  /** Resolves when the connection is over, by `close` or by itself; no call is open then. */
  readonly lost: Promise<Loss>;

  /** @param bounded false for a request that stays open and has no timeout */
  exchange(exchange: Exchange, bounded: boolean): Promise<string>;
  notify(message: RpcText): void;
  /** Ends it in an orderly way; resolves when nothing of it is left (no process, no socket). */
  close(): Promise<void>;
}

/** A call that the transport lost. `sent` tells whether the server may have begun it. */
export class ConnectionLost extends Error {
  constructor(
    readonly reason: string,
    readonly sent: boolean,
    readonly sessionExpired = false,
  ) {
    super(reason);
    this.name = 'ConnectionLost';
  }
}
