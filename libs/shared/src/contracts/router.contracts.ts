import { z } from 'zod';
import { Empty, PageQuery, pageOf } from '../page';
import { OAuthOptions, ServerAuthorization } from './authorization.contracts';
import { broadcast, contract } from './contract';

/** `/mcp/server-card` is the card of `/mcp`, so no server can have this name. */
const RESERVED_SLUG = 'server-card';

/** `[a-z0-9-]`, at most 32: the server's name in paths and in the prefix of its tools. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens, at most 32')
  .refine((slug) => slug !== RESERVED_SLUG, 'this name is taken by the card of /mcp')
  .meta({ description: 'Name of a server: [a-z0-9-], at most 32 characters' });

/** No operating system passes a zero byte to a process, and no text column holds one. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\0]*$/, 'must not hold a zero byte');
const EnvMap = z.record(text(256), text(32_768));
const HeaderMap = z.record(
  z
    .string()
    .max(256)
    .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'is not the name of a header'),
  z
    .string()
    .max(32_768)
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be what a header can carry'),
);

const isolation = z.enum(['shared', 'session', 'agent']);

/** What is ours about a server: `x-router` of an entry in a file, further fields over REST. */
export const RouterOptions = z
  .strictObject({
    isolation: isolation.optional(),
    maxInstances: z.int().min(1).max(1000).optional(),
    maxConcurrency: z.int().min(1).max(10_000).optional(),
    idleStopSeconds: z.int().min(1).max(86_400).optional(),
    connectTimeoutMs: z.int().min(100).max(600_000).optional(),
    callTimeoutMs: z.int().min(100).max(3_600_000).optional(),
    /** Bound of a call however much progress it reports. */
    totalTimeoutMs: z.int().min(100).max(86_400_000).optional(),
    memoryLimitMb: z.int().min(16).max(1_048_576).optional(),
    /** CPU time that its process may use up in its life. */
    cpuLimitSeconds: z.int().min(1).max(86_400).optional(),
    /** Cores that it may use at a time; only where the router has a cgroup v2 to put it in. */
    cpuLimitCores: z.number().min(0.01).max(1024).optional(),
    /** Its tools are held until the analyzer has found nothing wrong with them, or someone approves them. */
    scanBeforeUse: z.boolean().optional(),
    /** The server wants OAuth tokens, which the router gets and renews. */
    oauth: OAuthOptions.optional(),
  })
  .meta({ id: 'RouterOptions' });
export type RouterOptions = z.infer<typeof RouterOptions>;

/** What an entry of `mcpServers` may say, plus what is ours. */
const ServerFields = z.object({
  type: z.enum(['stdio', 'http', 'sse']).optional(),
  command: text(4096).min(1).optional(),
  args: z.array(text(32_768)).max(256).optional(),
  env: EnvMap.optional(),
  cwd: text(4096).optional(),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https address' })
    .max(4096)
    .optional(),
  headers: HeaderMap.optional(),
  description: text(2000).optional(),
  enabled: z.boolean().optional(),
  ...RouterOptions.shape,
});

interface TransportFields {
  command?: string | undefined;
  url?: string | undefined;
  type?: string | undefined;
  headers?: Record<string, string> | undefined;
  oauth?: OAuthOptions | undefined;
}

function oneTransport({ command, url, type, headers, oauth }: TransportFields, context: z.RefinementCtx): void {
  const fault = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  if (command !== undefined && url !== undefined) fault('url', 'give either "command" or "url", not both');
  else if (command === undefined && url === undefined) fault('command', 'give "command" (stdio) or "url" (http, sse)');
  else if (type === 'stdio' && url !== undefined) fault('type', 'a server with "url" is "http" or "sse"');
  else if ((type === 'http' || type === 'sse') && command !== undefined)
    fault('type', 'a server with "command" is "stdio"');
  if (!oauth) return;
  if (command !== undefined) fault('oauth', 'is for servers with "url"');
  if (Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'authorization'))
    fault('oauth', 'give either "oauth" or the header "Authorization", not both');
  if (oauth.grant === 'client_credentials' && !(oauth.clientId && (oauth.clientSecret ?? oauth.privateKey)))
    fault('oauth', '"client_credentials" needs "clientId" and "clientSecret" or "privateKey"');
}

/** The definition of one server, as files and REST give it. */
export const ServerDefinition = ServerFields.strict().superRefine(oneTransport).meta({ id: 'ServerDefinition' });
export type ServerDefinition = z.infer<typeof ServerDefinition>;

export const NewServer = ServerFields.extend({ slug: Slug })
  .strict()
  .superRefine(oneTransport)
  .meta({ id: 'NewServer' });
export type NewServer = z.infer<typeof NewServer>;

export const ServerState = z.enum(['starting', 'ready', 'degraded', 'unreachable', 'stopped', 'disabled']);
export type ServerState = z.infer<typeof ServerState>;

export const ServerCounts = z.object({
  tools: z.int(),
  resources: z.int(),
  resourceTemplates: z.int(),
  prompts: z.int(),
});
export type ServerCounts = z.infer<typeof ServerCounts>;

/** A server as REST shows it; values of `env` and `headers` are write-only, so only their names appear. */
export const Server = z
  .object({
    id: z.string(),
    slug: Slug,
    type: z.enum(['stdio', 'http', 'sse']),
    source: z.enum(['file', 'rest', 'discovery', 'builtin']),
    description: z.string().optional(),
    enabled: z.boolean(),
    command: z.string().optional(),
    args: z.array(z.string()).optional(),
    cwd: z.string().optional(),
    url: z.string().optional(),
    envNames: z.array(z.string()),
    headerNames: z.array(z.string()),
    isolation,
    /** Of a server with `oauth`. */
    authorization: ServerAuthorization.optional(),
    /** Its tools are held until they were scanned or approved. */
    scanBeforeUse: z.boolean().optional(),
    /** Its tools that are in no list and cannot be called now; absent when there are none. */
    heldTools: z.array(z.string()).optional(),
    state: ServerState,
    lastError: z.string().nullable(),
    nextRetryAt: z.iso.datetime().nullable(),
    era: z.enum(['legacy', 'modern']).nullable(),
    protocolVersion: z.string().nullable(),
    serverInfo: z.looseObject({ name: z.string(), version: z.string().optional() }).nullable(),
    counts: ServerCounts,
    instances: z.array(
      z.object({ pid: z.int().optional(), key: z.string(), rssBytes: z.int().optional(), cpuMs: z.int().optional() }),
    ),
    /** Entity tag of the stored definition, for `If-Match`. */
    version: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Server' });
export type Server = z.infer<typeof Server>;

/** Accepts the UUID or the slug. */
const ServerRef = z.object({ server: z.string().min(1).max(64) });

export const listServers = contract('router.listServers', {
  input: PageQuery.extend({ state: ServerState.optional(), source: z.string().max(32).optional() }),
  output: pageOf(Server),
});
export const getServer = contract('router.getServer', { input: ServerRef, output: Server });
export const addServer = contract('router.addServer', {
  input: z.object({ server: NewServer, source: z.enum(['rest', 'discovery']).default('rest') }),
  output: Server,
});
/** Changes the given fields; `null` removes one. `ifMatch` is the `version` the caller has seen. */
export const updateServer = contract('router.updateServer', {
  input: ServerRef.extend({
    changes: z.record(z.string().max(64), z.unknown()),
    ifMatch: z.string().max(128).optional(),
  }),
  output: Server,
});
export const removeServer = contract('router.removeServer', { input: ServerRef, output: Empty });
export const restartServer = contract('router.restartServer', { input: ServerRef, output: Server, timeoutMs: 60_000 });
export const setServerEnabled = contract('router.setServerEnabled', {
  input: ServerRef.extend({ enabled: z.boolean() }),
  output: Server,
  timeoutMs: 60_000,
});
/** The kept stderr of a stdio server (last 1 MiB), oldest first. */
export const readServerLogs = contract('router.readServerLogs', {
  input: ServerRef.extend({ tailBytes: z.int().min(1).max(1_048_576).default(65_536) }),
  output: z.object({ text: z.string() }),
  maxBytes: 8 * 1024 * 1024,
});

/** The same as it grows: what is kept of the last `tailBytes` first, then what is written, until the caller leaves. */
export const followServerLogs = contract('router.followServerLogs', {
  input: ServerRef.extend({ tailBytes: z.int().min(0).max(1_048_576).default(65_536) }),
  output: z.object({ text: z.string() }),
  timeoutMs: Infinity,
  maxBytes: 8 * 1024 * 1024,
});

export const ConfigFault = z
  .object({ file: z.string(), line: z.int().optional(), column: z.int().optional(), message: z.string() })
  .meta({ id: 'ConfigFault' });

/** What the router makes of its configuration file now: what was good before a fault stays in force. */
export const configStatus = contract('router.configStatus', {
  input: Empty,
  output: z
    .object({
      file: z.string(),
      exists: z.boolean(),
      loadedAt: z.iso.datetime().nullable(),
      faults: z.array(ConfigFault),
      servers: z.array(z.string()),
    })
    .meta({ id: 'ConfigStatus' }),
});

/** Encrypts every stored secret with the current key; a generated key is replaced by a new one first. */
export const rotateSecretKey = contract('router.rotateSecretKey', {
  input: Empty,
  output: z.object({ keyId: z.string(), servers: z.int() }),
  timeoutMs: 60_000,
});

/** What one probe of a server saw: a failure is an answer here, never an error. */
export const ServerProbe = z.object({
  ok: z.boolean(),
  /** `stopped` (idle, started on demand) and `disabled` servers are not woken up by a probe. */
  state: ServerState,
  era: z.enum(['legacy', 'modern']).nullable(),
  protocolVersion: z.string().nullable(),
  /** Round trip of the cheapest request of the era (`ping` or `server/discover`); null when there was none. */
  latencyMs: z.number().nullable(),
  counts: ServerCounts.nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});
export type ServerProbe = z.infer<typeof ServerProbe>;

/** Asks a registered server for a sign of life, over the connection that calls use. */
export const probeServer = contract('router.probeServer', {
  input: ServerRef.extend({ timeoutMs: z.int().min(1).max(60_000).default(10_000) }),
  output: ServerProbe,
  timeoutMs: 65_000,
});

export const Tool = z
  .looseObject({
    /** Public name `server__tool`, as clients of `/mcp` see it. */
    name: z.string(),
    server: Slug,
    /** The name at the server itself. */
    originalName: z.string(),
    title: z.string().optional(),
    description: z.string().optional(),
    inputSchema: z.record(z.string(), z.unknown()),
    outputSchema: z.record(z.string(), z.unknown()).optional(),
    annotations: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Tool' });
export type Tool = z.infer<typeof Tool>;

export const listTools = contract('router.listTools', {
  input: PageQuery.extend({ search: z.string().max(256).optional(), server: Slug.optional() }),
  output: pageOf(Tool),
  maxBytes: 16 * 1024 * 1024,
});
export const getTool = contract('router.getTool', {
  input: z.object({ tool: z.string().min(1).max(256) }),
  output: Tool,
});

export const ToolResult = z
  .looseObject({
    content: z.array(z.looseObject({ type: z.string() })),
    structuredContent: z.unknown().optional(),
    isError: z.boolean().optional(),
  })
  .meta({ id: 'ToolResult' });
export type ToolResult = z.infer<typeof ToolResult>;

/**
 * Calls one tool by its public name with arguments that are checked against its input schema first.
 * A tool's own failure is a result with `isError`, never an error.
 */
export const callTool = contract('router.callTool', {
  input: z.object({
    tool: z.string().min(1).max(256),
    arguments: z.record(z.string(), z.unknown()).default({}),
    timeoutMs: z.int().min(1).max(3_600_000).optional(),
    /** Sent to the server as `_meta` (idempotency key, trace context). */
    meta: z.record(z.string(), z.unknown()).optional(),
  }),
  output: ToolResult,
  timeoutMs: 300_000,
  maxBytes: 64 * 1024 * 1024,
});

/** The merged catalogue changed: lists that anyone caches are stale. `revision` grows with each change of one router. */
export const catalogueChanged = broadcast(
  'router.catalogueChanged',
  z.object({ instance: z.string(), revision: z.int(), servers: z.array(z.string()) }),
);

/** A new key encrypts stored secrets from now on. */
export const secretKeyRotated = broadcast('router.secretKeyRotated', Empty);

/** A server was added, changed, removed or switched over REST: every router replica reloads it from the database. */
export const serverChanged = broadcast(
  'router.serverChanged',
  z.object({
    slug: z.string(),
    /** The replica that made the change and has followed it already. */
    instance: z.string().optional(),
    /** Its connections are to be made anew although nothing changed. */
    restart: z.boolean().optional(),
  }),
);
