import { z } from 'zod';

/** Which tools an agent may see and call: globs (`*` and `?`) over public names `server__tool`; deny wins. */
export const ToolPolicy = z
  .object({
    allow: z.array(z.string().min(1).max(128)).max(500).default(['*']),
    deny: z.array(z.string().min(1).max(128)).max(500).default([]),
  })
  .meta({ id: 'ToolPolicy' });
export type ToolPolicy = z.infer<typeof ToolPolicy>;

/** Who calls: travels in the metadata of every bus frame. */
export const Principal = z.object({
  /** UUID of the agent the key belongs to. */
  agentId: z.string(),
  agent: z.string(),
  /** UUID of the key; absent for anonymous access. */
  keyId: z.string().optional(),
  /** `admin` may manage servers, keys, agents and flags; `member` may use tools, read and run what is allowed. */
  role: z.enum(['admin', 'member']),
  policy: ToolPolicy,
});
export type Principal = z.infer<typeof Principal>;

/** The caller of internal work: schedules, probes, workflows without a person behind them. */
export const SYSTEM_PRINCIPAL: Principal = {
  agentId: '00000000-0000-0000-0000-000000000000',
  agent: 'system',
  role: 'admin',
  policy: { allow: ['*'], deny: [] },
};
