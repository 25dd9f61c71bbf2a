import { isFeatureEnabled, metrics } from '@mcp-router/platform';
import { methodLabel } from '@mcp-router/shared';

/** OpenTelemetry's `mcp.client.operation.duration`: what the router waited for. */
const duration = metrics.histogram(
  'mcp_client_operation_duration_seconds',
  'Time from a request to a server to its answer, waiting for a place included',
  ['mcp_method_name', 'server', 'network_transport', 'error_type'],
);
const retries = metrics.counter('mcp_router_retries_total', 'Calls sent once more after a connection was lost', [
  'server',
]);

const restarts = metrics.counter(
  'mcp_router_restarts_total',
  'Times that the connection or process of a server was opened again, whatever ended the one before',
  ['server'],
);

/** Before anything has happened the counters of a server are zero, so that the first time is an increase. */
export function countFromZero(server: string): void {
  retries.with(server);
  restarts.with(server);
}

export function countRestart(server: string): void {
  restarts.with(server).add();
}

/** @param transport as OpenTelemetry names it */
export function measureExchange(
  method: string | undefined,
  server: string,
  transport: 'pipe' | 'tcp',
  errorType: string,
  milliseconds: number,
): void {
  if (isFeatureEnabled('MONITORING'))
    duration.with(methodLabel(method), server, transport, errorType).record(milliseconds / 1000);
}

export function countRetry(server: string): void {
  retries.with(server).add();
}
