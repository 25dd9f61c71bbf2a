import { z } from 'zod';

/** `key=value` pairs with commas in between, percent-encoded, as OpenTelemetry writes lists. */
const Pairs = z
  .string()
  .default('')
  .transform((text, context) => {
    const pairs = text.split(',').filter((pair) => pair.trim() !== '');
    return Object.fromEntries(
      pairs.map((pair) => {
        const at = pair.indexOf('=');
        if (at < 1) context.addIssue({ code: 'custom', message: 'is a list of key=value, separated by commas' });
        return [pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())];
      }),
    );
  });

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

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
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('OpenTelemetry collector (OTLP over HTTP, JSON), for example http://127.0.0.1:4318; off if unset'),
  OTEL_EXPORTER_OTLP_HEADERS: Pairs.describe('Headers of requests to the collector, key=value,…'),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce
    .number()
    .int()
    .min(1)
    .max(600_000)
    .default(10_000)
    .describe('How long the collector may take to answer, in milliseconds'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.enum(['http/json']).default('http/json').describe('The one protocol that is spoken'),
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none']).default('otlp').describe('Whether traces are sent to the collector'),
  OTEL_METRICS_EXPORTER: z.enum(['otlp', 'none']).default('otlp').describe('Whether metrics are sent to the collector'),
  OTEL_METRIC_EXPORT_INTERVAL: z.coerce
    .number()
    .int()
    .min(100)
    .max(3_600_000)
    .default(60_000)
    .describe('How often metrics are sent, in milliseconds'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the traces beginning here that are kept; a caller that brings a trace decides itself'),
  OTEL_RESOURCE_ATTRIBUTES: Pairs.describe('Further attributes of all that is sent, key=value,…'),
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
