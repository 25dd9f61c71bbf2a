/**
 * Every failure a caller may see. Add a line, not a class.
 *
 * `status` is the HTTP status; `jsonRpc` the code at the MCP door. Codes of ours lie outside JSON-RPC's reserved range
 * (-32768…-32000); inside it only the codes that JSON-RPC and MCP define are used with the meaning they give them.
 */
export const ERRORS = {
  invalid_request: { status: 400, jsonRpc: -32602, title: 'The request does not match its schema' },
  malformed_json: { status: 400, jsonRpc: -32700, title: 'The body is not valid JSON' },
  invalid_message: { status: 400, jsonRpc: -32600, title: 'The body is not a valid JSON-RPC message' },
  invalid_cursor: { status: 400, jsonRpc: -32602, title: 'The cursor is not one this endpoint gave out' },
  invalid_arguments: { status: 422, jsonRpc: -32602, title: 'The arguments do not match the input schema' },
  unauthorized: { status: 401, jsonRpc: -31001, title: 'A valid API key is needed' },
  forbidden: { status: 403, jsonRpc: -31003, title: 'This caller may not do that' },
  origin_refused: { status: 403, jsonRpc: -31003, title: 'This Host or Origin is not allowed' },
  not_found: { status: 404, jsonRpc: -31004, title: 'There is nothing under this name' },
  route_not_found: { status: 404, jsonRpc: -32601, title: 'There is no such route' },
  method_not_found: { status: 404, jsonRpc: -32601, title: 'There is no such method' },
  method_not_allowed: { status: 405, jsonRpc: -32600, title: 'This method is not allowed here' },
  not_acceptable: { status: 406, jsonRpc: -32600, title: 'None of the accepted media types can be served' },
  server_not_found: { status: 404, jsonRpc: -32602, title: 'No server has this name' },
  tool_not_found: { status: 404, jsonRpc: -32602, title: 'No server offers this tool' },
  tool_held: { status: 423, jsonRpc: -31023, title: 'The tool is held until someone approves its definition' },
  resource_not_found: { status: 404, jsonRpc: -32602, title: 'No server has this resource' },
  session_not_found: { status: 404, jsonRpc: -32600, title: 'The session is unknown or has ended; start again' },
  conflict: { status: 409, jsonRpc: -31009, title: 'The name is taken or the state does not allow this' },
  read_only: { status: 409, jsonRpc: -31009, title: 'This entry comes from a file and is edited there' },
  precondition_failed: { status: 412, jsonRpc: -31012, title: 'It was changed by someone else in the meantime' },
  payload_too_large: { status: 413, jsonRpc: -31013, title: 'The body is larger than the limit' },
  unsupported_media_type: { status: 415, jsonRpc: -32600, title: 'The content type is not supported' },
  limit_exceeded: { status: 422, jsonRpc: -31022, title: 'A limit of this installation is exceeded' },
  rate_limited: { status: 429, jsonRpc: -31029, title: 'Too many requests' },
  header_mismatch: { status: 400, jsonRpc: -32020, title: 'A header is missing or does not match the body' },
  missing_capability: { status: 400, jsonRpc: -32021, title: 'The client did not declare a capability this needs' },
  unsupported_protocol_version: { status: 400, jsonRpc: -32022, title: 'The protocol version is not supported' },
  upstream_unavailable: { status: 503, jsonRpc: -31503, title: 'The MCP server is not reachable' },
  upstream_timeout: { status: 504, jsonRpc: -31504, title: 'The MCP server did not answer in time' },
  upstream_error: { status: 502, jsonRpc: -31502, title: 'The MCP server answered with an error' },
  upstream_overloaded: { status: 503, jsonRpc: -31429, title: 'The MCP server has too many calls in flight' },
  url_refused: { status: 422, jsonRpc: -31022, title: 'The address may not be requested from here' },
  maintenance: { status: 503, jsonRpc: -31503, title: 'Calls are switched off for maintenance' },
  cancelled: { status: 499, jsonRpc: -31499, title: 'The request was cancelled' },
  no_instance: { status: 503, jsonRpc: -31503, title: 'No instance of the service is running' },
  instance_lost: {
    status: 502,
    jsonRpc: -31502,
    title: 'The instance that worked on this was lost; the outcome is unknown',
  },
  deadline_exceeded: { status: 504, jsonRpc: -31504, title: 'The service did not answer in time' },
  bus_unavailable: { status: 503, jsonRpc: -31503, title: 'The message bus is not reachable' },
  database_unavailable: { status: 503, jsonRpc: -31503, title: 'The database is not reachable' },
  internal: { status: 500, jsonRpc: -32603, title: 'Unexpected error' },
} as const satisfies Record<string, { status: number; jsonRpc: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault inside a request: where (a JSON Pointer into the body, RFC 6901) and what. */
export interface Fault {
  pointer: string;
  detail: string;
}

export interface ErrorExtra {
  /** What the caller can do about it. */
  hint?: string;
  errors?: Fault[];
  /** Fields merged into the JSON-RPC error's `data` (for example `supported` of -32022). */
  data?: Record<string, unknown>;
  cause?: unknown;
}

/** RFC 9457 body, media type `application/problem+json`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  hint?: string;
  requestId?: string;
  errors?: Fault[];
  [key: string]: unknown;
}

/** The form an error has inside a JSON-RPC message and in a bus frame. */
export interface JsonRpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** The one error class: a code of the table, a text for the caller, a cause for the log. */
export class AppError extends Error {
  readonly hint: string | undefined;
  readonly errors: Fault[] | undefined;
  readonly data: Record<string, unknown> | undefined;

  constructor(
    readonly code: ErrorCode,
    /** Written for the caller; never contains secrets or stack traces. */
    readonly detail: string,
    extra: ErrorExtra = {},
  ) {
    super(detail, extra.cause === undefined ? {} : { cause: extra.cause });
    this.name = 'AppError';
    this.hint = extra.hint;
    this.errors = extra.errors;
    this.data = extra.data;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** For `Retry-After`, where it is known when it makes sense to try again. */
  get retryAfterSeconds(): number | undefined {
    const seconds = this.data?.['retryAfterSeconds'];
    return typeof seconds === 'number' ? seconds : undefined;
  }

  /** Any thrown value as an AppError; what we do not know is `internal` and says nothing of its inside. */
  static from(error: unknown): AppError {
    if (error instanceof AppError) return error;
    return new AppError('internal', 'Something went wrong on our side', { cause: error });
  }

  toProblem(requestId?: string): Problem {
    const { status, title } = ERRORS[this.code];
    return {
      ...this.data,
      type: `urn:mcp-router:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.detail,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(requestId === undefined ? {} : { requestId }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
    };
  }

  toJsonRpc(): JsonRpcError {
    return {
      code: ERRORS[this.code].jsonRpc,
      message: this.detail,
      data: {
        ...this.data,
        code: this.code,
        ...(this.hint === undefined ? {} : { hint: this.hint }),
        ...(this.errors === undefined ? {} : { errors: this.errors }),
      },
    };
  }

  /** The error another service put into a reply, turned back; unknown codes of a newer release become `internal`. */
  static fromWire(wire: WireError): AppError {
    const known = Object.hasOwn(ERRORS, wire.code) ? (wire.code as ErrorCode) : 'internal';
    return new AppError(known, wire.detail, {
      ...(wire.hint === undefined ? {} : { hint: wire.hint }),
      ...(wire.errors === undefined ? {} : { errors: wire.errors }),
      ...(wire.data === undefined ? {} : { data: wire.data }),
    });
  }

  toWire(): WireError {
    return {
      code: this.code,
      detail: this.detail,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.errors === undefined ? {} : { errors: this.errors }),
      ...(this.data === undefined ? {} : { data: this.data }),
    };
  }
}

/** An error as it travels between services. */
export interface WireError {
  code: string;
  detail: string;
  hint?: string;
  errors?: Fault[];
  data?: Record<string, unknown>;
}

/** Refuses to change what somebody else has changed since it was read (`If-Match`). */
export const changedMeanwhile = (name: string): AppError =>
  new AppError('precondition_failed', `"${name}" was changed in the meantime`, {
    hint: 'Read it again and repeat the change on what it is now',
  });
