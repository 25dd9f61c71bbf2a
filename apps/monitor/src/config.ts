import { CommonEnv, OutboundEnv, SecretEnv } from '@mcp-router/platform';
import { z } from 'zod';

export const MonitorEnv = CommonEnv.extend({
  ...OutboundEnv,
  ...SecretEnv,
  CALL_RETENTION_DAYS: z.coerce.number().int().min(1).max(3650).default(30).describe('How long the call log is kept'),
  CALL_BODY_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3650)
    .default(7)
    .describe('How long arguments and answers of calls are kept, where the flag CALL_BODIES is on'),
  EVENT_RETENTION_DAYS: z.coerce.number().int().min(1).max(3650).default(90).describe('How long events are kept'),
});
export type MonitorEnv = z.infer<typeof MonitorEnv>;
