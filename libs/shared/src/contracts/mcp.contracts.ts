import { z } from 'zod';
import { contract } from './contract';

/**
 * One HTTP exchange of an MCP endpoint, as the gateway hands it to a router after the checks that need no state.
 * The shape is the gateway's own product on every call, so it is typed but not checked again.
 */
export interface McpRequest {
  /** Slug of `/mcp/{slug}`; absent on the aggregate `/mcp`. */
  endpoint?: string | undefined;
  /** `message`: POST. `listen`: GET, the stream of a session. `end`: DELETE. */
  kind: 'message' | 'listen' | 'end';
  /** `legacy`: sessions, up to 2025-11-25. `modern`: 2026-07-28. */
  era: 'legacy' | 'modern';
  /** Value of `Mcp-Session-Id`; absent when a session is to be made. */
  session?: string | undefined;
  /** The protocol version of the header (legacy) or of the envelope (modern). */
  version?: string | undefined;
  /** Names the event stream that the answer becomes if it turns out to be one; unique within the session. */
  stream?: string | undefined;
  /** Where a client that lost its stream wants to go on: `<stream>.<number>`. */
  lastEventId?: string | undefined;
  /** The list the gateway holds for this question: if it is still right, the answer is the tag without a body. */
  listTag?: string | undefined;
  /** `Mcp-Param-*` headers, names in lower case. */
  headers?: Record<string, string> | undefined;
  /** The legacy HTTP+SSE transport of 2024-11-05: the session is bound to the one stream. */
  sse?: true | undefined;
  /** The JSON-RPC message (or batch), valid JSON. */
  body?: string | undefined;
}

/** One message on its way to the client, or the end of the exchange. */
export interface McpReply {
  /** A JSON-RPC message or, in the last reply of a batch, an array of them. */
  body?: string | undefined;
  /** Nothing follows. Without a body: accepted (202), or the end of a stream. */
  last?: true | undefined;
  /** HTTP status of the last reply if it is the first one too; 200 (202 without a body) if absent. */
  status?: number | undefined;
  /** Name of the event; `message` if absent. */
  event?: string | undefined;
  /** Id of the event, for `Last-Event-ID`. */
  eventId?: string | undefined;
  /** The session that was made. */
  session?: string | undefined;
  /** Identity of the list in `result`; equal to the request's when the gateway's copy is still right. */
  listTag?: string | undefined;
}

/** Carries one MCP exchange; the replies are the messages of its answer, in order. */
export const exchangeMcp = contract('router.exchangeMcp', {
  input: z.custom<McpRequest>(),
  output: z.custom<McpReply>(),
  raw: 'body',
  timeoutMs: Infinity,
  maxBytes: 64 * 1024 * 1024,
});

/**
 * The same for what a session's client says to a router that stops: the answer to a server's question, without which a
 * call that is being finished there has no end, progress, cancellation. Requests of the session begin anew elsewhere.
 */
export const answerMcp = contract('router.answerMcp', {
  input: z.custom<McpRequest>(),
  output: z.custom<McpReply>(),
  raw: 'body',
  maxBytes: 64 * 1024 * 1024,
  whileDraining: true,
});

/** Answer of `POST /mcp` for clients of the old era, newest first. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;
/** The version of the HTTP+SSE transport, spoken only where that transport is switched on. */
export const SSE_VERSION = '2024-11-05';
export const MODERN_VERSIONS = ['2026-07-28'] as const;
/** Newest first. */
export const SUPPORTED_VERSIONS = [...MODERN_VERSIONS, ...LEGACY_VERSIONS] as const;

/** Keys of a modern request's `_meta` that describe the request itself. */
export const ENVELOPE = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
} as const;
