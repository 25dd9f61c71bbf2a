import { z } from 'zod';

/** Every feature flag there is: its default and why it exists. An override set over REST wins in every replica. */
export const FLAGS = {
  ROUTER_SERVICES: { on: true, why: 'route calls to upstream servers; off is the maintenance switch' },
  TOOL_QUARANTINE: { on: false, why: 'hold a tool whose definition changed dangerously until someone approves it' },
  MONITORING: {
    on: true,
    why: 'measure calls and write the call log; off makes the router blind, and a little faster',
  },
  CALL_LOG: { on: true, why: 'write the call log; off leaves the metrics of calls' },
  LEGACY_SSE: { on: false, why: 'serve the HTTP+SSE transport of 2024-11-05 to old clients' },
  CALL_BODIES: {
    on: false,
    why: 'keep the arguments and the answer of each tool call in the call log, without secrets',
  },
} as const satisfies Record<string, { on: boolean; why: string }>;

export type FlagName = keyof typeof FLAGS;

export const FLAG_NAMES = Object.keys(FLAGS) as FlagName[];

export function isFlagName(name: string): name is FlagName {
  return Object.hasOwn(FLAGS, name);
}

export const Flag = z
  .object({
    name: z.string(),
    enabled: z.boolean(),
    default: z.boolean(),
    overridden: z.boolean(),
    why: z.string(),
  })
  .meta({ id: 'Flag' });
export type Flag = z.infer<typeof Flag>;
