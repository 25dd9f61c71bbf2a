import { CommonEnv, OutboundEnv } from '@mcp-router/platform';
import { z } from 'zod';

const seconds = (name: string, min: number, max: number, byDefault: number) =>
  z.coerce.number().min(min).max(max).default(byDefault).describe(name);

export const DiscoveryEnv = CommonEnv.extend({
  ...OutboundEnv,
  PROBE_INTERVAL_SECONDS: seconds('Between two probes of a server that is well', 0.1, 86_400, 60),
  PROBE_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(10_000).describe('Longest wait for one probe'),
  PROBE_CONCURRENCY: z.coerce.number().int().min(1).max(1000).default(32).describe('Probes at the same time'),
  HEALTH_HISTORY_DAYS: z.coerce.number().min(0.01).max(3650).default(7).describe('How long health samples are kept'),
  CANDIDATE_GRACE_SECONDS: seconds('How long a server that every source withdrew stays a candidate', 0, 2_592_000, 600),
  DISCOVER_CLIENT_CONFIGS: z
    .enum(['true', 'false', '1', '0'])
    .default('true')
    .transform((value) => value === 'true' || value === '1')
    .describe('Offer the servers in the configuration files of other MCP clients as candidates'),
});
export type DiscoveryEnv = z.infer<typeof DiscoveryEnv>;
