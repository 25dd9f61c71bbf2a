import { CommonEnv, OutboundEnv, SecretEnv } from '@mcp-router/platform';
import { z } from 'zod';

const whole = (min: number, max: number, fallback: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);
/** In milliseconds. */
const duration = whole;

export const RouterEnv = CommonEnv.extend({
  ...OutboundEnv,
  MCPR_CONFIG: z.string().default('mcp-router.json').describe('File of servers (JSON with comments, or YAML); watched'),
  ...SecretEnv,
  MCPR_CGROUP: z
    .string()
    .optional()
    .describe(
      'Folder of cgroup v2 in which stdio servers get groups; found by itself where the router is alone in a delegated group',
    ),
  START_PATIENCE_MS: duration(0, 60_000, 2_500).describe(
    'How long a starting router waits for its servers before it takes calls',
  ),
  CONNECT_TIMEOUT_MS: duration(100, 600_000, 30_000).describe('How long a server may take to start and shake hands'),
  CALL_TIMEOUT_MS: duration(100, 3_600_000, 60_000).describe('Longest silence of a server during a call'),
  TOTAL_TIMEOUT_MS: duration(100, 86_400_000, 600_000).describe('Longest call, however much progress it reports'),
  MAX_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(128).describe('Calls in flight to one server'),
  MAX_QUEUED_CALLS: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(1_024)
    .describe('Calls that wait for one server; more are refused'),
  MAX_INSTANCES: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(32)
    .describe('Connections of one server with isolation "session" or "agent"'),
  MAX_MESSAGE_BYTES: z.coerce
    .number()
    .int()
    .min(65_536)
    .max(1_073_741_824)
    .default(67_108_864)
    .describe('Longest message of a server'),
  MAX_SESSIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Open MCP sessions of one router'),
  LIST_PAGE_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(2_000)
    .describe('Most items of one page of a list; many clients read the first page only'),
  SESSION_IDLE_MS: duration(1_000, 604_800_000, 3_600_000).describe('How long a session may be unused before it ends'),
  STREAM_TTL_MS: duration(1_000, 86_400_000, 300_000).describe('How long a lost event stream can be resumed'),
  STREAM_MAX_EVENTS: z.coerce.number().int().min(1).max(100_000).default(256).describe('Events kept of one stream'),
  INPUT_TTL_MS: duration(1_000, 86_400_000, 600_000).describe('How long a call waits for input of its client'),
  MAX_PARKED_CALLS: z.coerce.number().int().min(1).max(100_000).default(1_000).describe('Calls that wait for input'),
  WORKFLOW_LEASE_MS: duration(500, 600_000, 5_000).describe(
    'How long a router may be silent before another takes over its workflow runs',
  ),
  WORKFLOW_SWEEP_MS: duration(100, 600_000, 1_000).describe(
    'How often due workflow runs are looked for in the database',
  ),
  WORKFLOW_MAX_DEFINITION_BYTES: whole(1_024, 16_777_216, 1_048_576).describe('Largest definition of a workflow'),
  WORKFLOW_MAX_TASKS: whole(1, 100_000, 1_000).describe('Tasks of one workflow'),
  WORKFLOW_MAX_DEPTH: whole(1, 64, 32).describe('Lists of tasks inside one another, and runs inside one another'),
  WORKFLOW_MAX_BRANCHES: whole(1, 1_000, 50).describe('Branches of one `fork`'),
  WORKFLOW_MAX_ITERATIONS: whole(1, 1_000_000, 10_000).describe('Rounds of one loop of a workflow'),
  WORKFLOW_MAX_PAYLOAD_BYTES: whole(1_024, 16_777_216, 1_048_576).describe(
    'Largest input or output of one task of a workflow, and largest input of a run',
  ),
  WORKFLOW_MAX_EVENTS: whole(10, 1_000_000, 50_000).describe('Longest history of one run'),
  WORKFLOW_MAX_WAIT_DAYS: whole(1, 3_650, 30).describe('How long a run may wait for one thing before it faults'),
  WORKFLOW_RETENTION_MONTHS: whole(0, 1_200, 12).describe(
    'How many months ended runs are kept after the one they began in; 0 keeps them for ever',
  ),
  LLM_URL: z
    .url()
    .optional()
    .describe('Address of an OpenAI-compatible API for `call: llm`, up to and without /chat/completions'),
  LLM_API_KEY: z.string().optional().describe('Its key'),
  LLM_MODEL: z
    .string()
    .optional()
    .describe('Its model when a task names none; `fake` answers without any model, for demonstrations'),
});
export type RouterEnv = z.infer<typeof RouterEnv>;

/** Of the router's own environment: what a file may name as `${VAR}`, and what children inherit a few of. */
export const hostEnvironment: Readonly<Record<string, string | undefined>> = process.env;
