import type { Principal, RpcText, ServerState } from '@mcp-router/shared';
import type { Cancellation } from './cancellation';

/** `legacy`: 2025-11-25 and older (`initialize`). `modern`: 2026-07-28 (`server/discover`, envelope in `_meta`). */
export type Era = 'legacy' | 'modern';

/** What earlier connections taught of a server's era. The one who opens a connection reads it and adds to it. */
export interface EraMemory {
  /** The era that the server has shown. */
  known: Era | undefined;
  /** It ends on `server/discover`, so it gets `initialize` only. */
  diesOfProbe: boolean;
}

export type Isolation = 'shared' | 'session' | 'agent';

/** What a server said of itself when the connection was made. */
export interface UpstreamInfo {
  era: Era;
  /** The revision spoken on the connection. */
  protocolVersion: string;
  capabilities: Record<string, unknown>;
  serverInfo: { name: string; version?: string; [field: string]: unknown } | null;
  instructions?: string;
  /** Modern servers only. */
  supportedVersions?: string[];
  /** The `result` object of `initialize` or `server/discover` as the server wrote it. */
  raw: string;
}

/** Who asks: decides which connection is used when the server's isolation is not `shared`. */
export interface Caller {
  principal: Principal;
  /** The router session. With isolation `session` and no session (REST, stateless clients) the agent's connection serves. */
  sessionKey?: string;
  /**
   * What the client of the session declared, JSON text. A connection of its own (isolation `session`) declares exactly
   * this to a legacy server; a shared one declares sampling, elicitation and roots always.
   */
  clientCapabilities?: string;
}

/** The way back to the server for a request (or a notification) that it sent during an exchange. */
export interface ServerHandle {
  /** Answers a server→client request: a JSON-RPC response whose id is the one the server wrote. Late answers are dropped. */
  respond(response: string): void;
  /** Sends a notification (progress on the server's own token, say) on the same connection, to which it is peculiar. */
  readonly notify: (notification: string) => void;
}

/**
 * One request to an upstream.
 *
 * The message is passed as the caller wrote it: the connection replaces its id and its progress token by own ones and
 * restores them on the way back. Everything else reaches the server untouched, so era translation, prefixes and
 * `_meta` envelopes are done by the caller.
 */
export interface Exchange extends Caller {
  message: RpcText;
  /** Extra headers of a modern HTTP upstream (`Mcp-Param-*`). `Mcp-Method`, `Mcp-Name`, version and session are set by the transport. */
  headers?: Record<string, string>;
  /** Longest silence of the server in milliseconds (progress and requests of its own restart it); the server's `callTimeoutMs` if absent. */
  timeoutMs?: number;
  /** Aborting cancels the call at the server too (`notifications/cancelled`, or the end of its stream). */
  signal: Cancellation;
  /** Gets the time that was spent at the server, over all exchanges that have it, in milliseconds. */
  timing?: { upstreamMs: number };
  /**
   * Notifications and server→client requests that this exchange caused, in order, before the response. Ids are as the
   * server wrote them, progress tokens are the caller's. Every request has to be answered through the handle; while
   * one is open the exchange is parked: its timeout rests, and new requests on a shared pipe are not taken for its own.
   */
  onMessage?(message: RpcText, server: ServerHandle): void;
}

/** A message that no exchange caused. */
export interface Unsolicited {
  message: RpcText;
  server: ServerHandle;
  /** Set when the connection belongs to one session or one agent (see `Isolation`). */
  sessionKey?: string;
  agentId?: string;
  /** Set when it belongs to a task of 2025-11-25; a progress token is that of the call that made the task. */
  taskId?: string;
}

/** Returns true when it took the message, and will answer it if it is a request; one that no listener takes is refused. */
export type UnsolicitedListener = (event: Unsolicited) => boolean | undefined;

/**
 * One registered server with all its connections: supervised, bounded, reconnected.
 *
 * Calls work on text from end to end; a JSON-RPC error that the server answers is a response like any other.
 */
export interface Upstream {
  readonly slug: string;
  readonly isolation: Isolation;
  readonly state: ServerState;
  readonly lastError: string | null;
  readonly nextRetryAt: Date | null;
  /** Of the last good handshake; undefined until the first. */
  readonly info: UpstreamInfo | undefined;

  /**
   * The upstream's `info`, after a connection if there was none (start on demand, the call queues for it).
   *
   * @throws AppError `upstream_unavailable` while the server is disabled, unreachable or its circuit is open
   */
  ready(signal?: Cancellation): Promise<UpstreamInfo>;

  /**
   * Sends a request and returns the text of its response, with the caller's id.
   *
   * @throws AppError `upstream_unavailable`, `upstream_timeout`, `upstream_overloaded` (bulkhead full), `cancelled`
   */
  exchange(exchange: Exchange): Promise<string>;

  /**
   * As `exchange`, for a request that stays open (`subscriptions/listen`): no timeout, no place in the bulkhead.
   * `io.modelcontextprotocol/subscriptionId` in the messages is the caller's id. Ends by `signal`, by the server's
   * result, or with `upstream_unavailable` when the connection is lost: open it again.
   */
  openSubscription(exchange: Exchange): Promise<string>;

  /** Sends a notification on the caller's connection; does nothing if there is none. */
  notify(message: RpcText, caller: Caller): void;

  /** Messages that no exchange caused: `list_changed`, `resources/updated`, logs, requests. @returns the way to stop it */
  onUnsolicited(listener: UnsolicitedListener): () => void;

  /**
   * A new connection is up: what was set on the old one (log level, resource subscriptions) is gone. Hears whose it is,
   * if it is one caller's own. @returns the way to stop it
   */
  onConnected(listener: (caller: Caller | undefined) => void): () => void;

  /** The session has ended: a connection of its own is closed. */
  endSession(sessionKey: string): void;
}
