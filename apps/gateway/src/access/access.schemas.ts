import { ToolPolicy } from '@mcp-router/shared';
import { z } from 'zod';

const Name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 _.@-]{0,63}$/, 'letters, digits, space and _.@- , at most 64');

/** How many requests an agent may send to each gateway: `burst` at once, `perMinute` in the long run. */
export const RateLimit = z
  .strictObject({ perMinute: z.int().min(1).max(10_000_000), burst: z.int().min(1).max(10_000_000) })
  .meta({ id: 'RateLimit' });
export type RateLimit = z.infer<typeof RateLimit>;

export const Agent = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    role: z.enum(['admin', 'member']),
    enabled: z.boolean(),
    policy: ToolPolicy,
    /** Null: that of the environment, if there is one. */
    rateLimit: RateLimit.nullable(),
    lastSeenAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Agent' });
export type Agent = z.infer<typeof Agent>;

export const NewAgent = z
  .strictObject({
    name: Name,
    description: z.string().max(2000).default(''),
    role: z.enum(['admin', 'member']).default('member'),
    enabled: z.boolean().default(true),
    policy: ToolPolicy.default({ allow: ['*'], deny: [] }),
    rateLimit: RateLimit.nullable().default(null),
  })
  .meta({ id: 'NewAgent' });
export type NewAgent = z.infer<typeof NewAgent>;

export const AgentChanges = z
  .strictObject({
    name: Name,
    description: z.string().max(2000),
    role: z.enum(['admin', 'member']),
    enabled: z.boolean(),
    policy: ToolPolicy,
    rateLimit: RateLimit.nullable(),
  })
  .partial()
  .meta({ id: 'AgentChanges' });
export type AgentChanges = z.infer<typeof AgentChanges>;

export const ApiKey = z
  .object({
    id: z.string(),
    agentId: z.string(),
    agent: z.string(),
    name: z.string(),
    prefix: z.string(),
    expiresAt: z.iso.datetime().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

export const NewApiKey = z
  .strictObject({
    /** Id or name of the agent it belongs to. */
    agent: z.string().min(1).max(64),
    name: Name,
    expiresAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'NewApiKey' });
export type NewApiKey = z.infer<typeof NewApiKey>;

/** The answer to creating a key: the only time that the key itself is shown. */
export const CreatedApiKey = ApiKey.extend({ key: z.string() }).meta({ id: 'CreatedApiKey' });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;
