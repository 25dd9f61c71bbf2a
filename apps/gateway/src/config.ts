import { CommonEnv } from '@mcp-router/platform';
import { z } from 'zod';

const Switch = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');
const Names = z.string().transform((list) =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean),
);

const bytes = (initial: number) => z.coerce.number().int().min(1024).max(1_073_741_824).default(initial);

export const GatewayEnv = CommonEnv.extend({
  PORT: z.coerce.number().int().min(0).max(65_535).default(4000).describe('Port of MCP, REST and /docs'),
  HOST: z.string().default('127.0.0.1').describe('Address to listen on; set 0.0.0.0 to be reached from other machines'),
  ALLOWED_HOSTS: Names.default([]).describe(
    'Host names, besides loopback and HOST, that requests may name; comma-separated',
  ),
  ALLOWED_ORIGINS: Names.default([]).describe(
    'Origins of browser pages, besides loopback ones, that may call; comma-separated',
  ),
  ADMIN_KEY: z
    .string()
    .min(16)
    .max(512)
    .optional()
    .describe('Sets the admin key instead of making one at the first start'),
  ANONYMOUS_ACCESS: Switch.default(false).describe(
    'Lets callers without a key in as the agent "anonymous"; loopback only',
  ),
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000_000)
    .default(0)
    .describe('Requests a minute of each agent without a limit of its own, at each gateway; 0 is no limit'),
  RATE_LIMIT_BURST: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .optional()
    .describe('Requests that such an agent may send at once; as many as in a minute if unset'),
  MAX_BODY_BYTES: z.coerce
    .number()
    .int()
    .min(1024)
    .max(1_073_741_824)
    .default(16_777_216)
    .describe('Largest request body'),
  LIST_CACHE_BYTES: bytes(33_554_432).describe('Memory for lists (tools, prompts, …) kept ready'),
  MAX_BUFFERED_BYTES: bytes(8_388_608).describe(
    'What may wait for a slow reader of an event stream before it is cut off',
  ),
  STREAM_AFTER_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(2_000)
    .describe('An answer that takes longer becomes an event stream, which can be kept alive and resumed'),
  KEEP_ALIVE_MS: z.coerce
    .number()
    .int()
    .min(1000)
    .max(600_000)
    .default(15_000)
    .describe('Pause between comments that keep an event stream alive'),
});
export type GatewayEnv = z.infer<typeof GatewayEnv>;
