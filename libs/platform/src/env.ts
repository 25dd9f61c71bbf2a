import { z } from 'zod';

/** What every app reads from its environment; each app extends it in its `config.ts`. */
export const CommonEnv = z.object({
  DATABASE_URL: z.string().min(1).describe('Postgres, for example postgres://user@127.0.0.1:5432/mcp_router'),
  REDIS_URL: z.string().min(1).default('redis://127.0.0.1:6379').describe('Redis for the bus, job queues and caches'),
  REDIS_PREFIX: z
    .string()
    .min(1)
    .default('mcpr:')
    .describe('Start of every Redis key; several installations may share a Redis'),
  DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(8)
    .describe('Postgres connections of each process'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level that is logged'),
  HEALTH_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('Port of /health/live and /health/ready; off if unset'),
  HEALTH_HOST: z.string().default('127.0.0.1').describe('Address that HEALTH_PORT binds to'),
  MCPR_DATA_DIR: z.string().default('.mcp-router').describe('Folder of generated keys and embedded data'),
  SHUTDOWN_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(25_000)
    .describe('How long calls in flight may take to finish on SIGTERM; the rest of the end takes at most 5 s more'),
});
export type CommonEnv = z.infer<typeof CommonEnv>;

/**
 * Reads an app's environment; every fault is named at once.
 *
 * @throws Error whose message lists each variable, what is wrong with it and what it is for
 */
export function readEnv<T extends z.ZodObject>(schema: T, env: Record<string, string | undefined>): z.output<T> {
  // An empty variable is an unset one: that is what `VAR= command` and empty entries of compose files mean.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? '');
    const field = schema.shape[name] as z.ZodType | undefined;
    const purpose = field?.description === undefined ? '' : ` (${field.description})`;
    return `  ${name}: ${issue.message}${purpose}`;
  });
  throw new Error(`The environment is not right:\n${faults.join('\n')}`);
}
