import { isFeatureEnabled, metrics } from '@mcp-router/platform';
import { methodLabel } from '@mcp-router/shared';

const duration = metrics.histogram(
  'mcp_router_edge_duration_seconds',
  'Time from an MCP request at the door to the end of its answer; streams that clients keep open are not counted',
  ['mcp_method_name', 'era', 'http_response_status_code'],
);
const lists = metrics.counter('mcp_router_list_cache_total', 'Lists of tools and the like that were sent', ['result']);
const hit = lists.with('hit');
const miss = lists.with('miss');

/** @param status of the HTTP answer; 0 when the client left before */
export function measureRequest(method: string | undefined, era: string, status: number, milliseconds: number): void {
  if (isFeatureEnabled('MONITORING'))
    duration.with(methodLabel(method), era, status === 0 ? '' : String(status)).record(milliseconds / 1000);
}

/** Whether a list was sent from the copy here, or came from a router. */
export function countList(isHit: boolean): void {
  (isHit ? hit : miss).add();
}
