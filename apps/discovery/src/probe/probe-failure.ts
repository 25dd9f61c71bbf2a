import { reasonOf } from '@mcp-router/platform';
import { AppError, type ProbeError } from '@mcp-router/shared';

export type ProbeFailureCode =
  | 'url_refused'
  | 'probe_timeout'
  | 'connection_failed'
  | 'auth_required'
  | 'forbidden'
  | 'rate_limited'
  | 'server_error'
  | 'protocol_unsupported'
  | 'catalogue_too_large'
  | 'bad_catalogue';

/** Why a server could not be probed. */
export class ProbeFailure extends Error {
  constructor(
    readonly code: ProbeFailureCode,
    detail: string,
    options?: { cause?: unknown },
  ) {
    super(detail, options);
    this.name = 'ProbeFailure';
  }

  /** Whether another try a moment later may go better. */
  get isTransient(): boolean {
    return this.code === 'connection_failed' || this.code === 'probe_timeout' || this.code === 'server_error';
  }

  toProbeError(): ProbeError {
    return { code: this.code, detail: this.message };
  }

  static of(error: unknown): ProbeFailure {
    if (error instanceof ProbeFailure) return error;
    if (error instanceof AppError) {
      if (error.code === 'payload_too_large') return new ProbeFailure('catalogue_too_large', error.detail);
      return new ProbeFailure('url_refused', error.detail, { cause: error });
    }
    const { name } = error as Error;
    if (name === 'TimeoutError' || name === 'AbortError')
      return new ProbeFailure('probe_timeout', 'The server did not answer in time', { cause: error });
    return new ProbeFailure('connection_failed', `The server cannot be reached (${reasonOf(error)})`, { cause: error });
  }
}
