import { AppError, type JsonRpcError } from '@mcp-router/shared';
import type { Era } from '../upstreams/upstream';

const LEGACY_RESOURCE_NOT_FOUND = -32002;

export function resultResponse(id: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
}

export function methodNotFound(method: string): AppError {
  return new AppError('method_not_found', `There is no method "${method}" here`);
}

/** What a server said against something that the router asked of it for a client: the client gets it as it is. */
export class Refused extends AppError {
  constructor(private readonly said: JsonRpcError) {
    super('upstream_error', said.message);
  }

  override toJsonRpc(): JsonRpcError {
    return this.said;
  }
}

/** The JSON-RPC error for a failure of ours, with the code that the client's era has for it. */
export function errorResponse(id: string, thrown: unknown, era: Era): string {
  const error = AppError.from(thrown);
  const body = error.toJsonRpc();
  if (era === 'legacy' && error.code === 'resource_not_found') body.code = LEGACY_RESOURCE_NOT_FOUND;
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(body)}}`;
}
