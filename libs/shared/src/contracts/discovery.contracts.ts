import { z } from 'zod';
import { Empty, PageQuery, pageOf } from '../page';
import { broadcast, contract, recordStream } from './contract';
import { Server, ServerCounts, ServerState, Slug } from './router.contracts';

/** `lost`: not seen for so long, or withdrawn by every source, that it is about to be forgotten. */
export const HealthState = z.enum(['unknown', 'healthy', 'degraded', 'unhealthy', 'lost']);
export type HealthState = z.infer<typeof HealthState>;

/** Why a probe failed: a code a program can act on, a sentence for a person. */
export const ProbeError = z.object({ code: z.string(), detail: z.string() });
export type ProbeError = z.infer<typeof ProbeError>;

/** The health of one registered server, from probes and from the calls that pass through the router. */
export const ServerHealth = z
  .object({
    server: z.string(),
    state: HealthState,
    /** When `state` was entered. */
    since: z.iso.datetime(),
    /** How the router sees its connection. */
    routerState: ServerState.nullable(),
    era: z.enum(['legacy', 'modern']).nullable(),
    protocolVersion: z.string().nullable(),
    latencyMs: z.number().nullable(),
    counts: ServerCounts.nullable(),
    consecutiveFailures: z.int(),
    /** It went up and down so often that it must prove itself longer before it counts as healthy. */
    isFlapping: z.boolean(),
    lastError: ProbeError.nullable(),
    lastOkAt: z.iso.datetime().nullable(),
    lastCheckedAt: z.iso.datetime().nullable(),
    nextProbeAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ServerHealth' });
export type ServerHealth = z.infer<typeof ServerHealth>;

/** One observation in the health history: a probe, or the calls of a few seconds taken together. */
export const HealthSample = z
  .object({
    at: z.iso.datetime(),
    via: z.enum(['probe', 'traffic']),
    ok: z.boolean(),
    latencyMs: z.number().nullable(),
    state: HealthState,
    error: ProbeError.nullable(),
  })
  .meta({ id: 'HealthSample' });
export type HealthSample = z.infer<typeof HealthSample>;

const ServerRef = z.object({ server: z.string().min(1).max(64) });

export const listServerHealth = contract('discovery.listServerHealth', {
  input: PageQuery.extend({ state: HealthState.optional() }),
  output: pageOf(ServerHealth),
});
export const getServerHealth = contract('discovery.getServerHealth', { input: ServerRef, output: ServerHealth });
/** Newest first. */
export const listHealthSamples = contract('discovery.listHealthSamples', {
  input: ServerRef.extend(PageQuery.shape),
  output: pageOf(HealthSample),
});
/** Probes a registered server now and answers its health after that. */
export const checkServer = contract('discovery.checkServer', {
  input: ServerRef,
  output: ServerHealth,
  timeoutMs: 70_000,
});

/** Where a found server can be reached. Values of headers and environment variables stay where they were found. */
export const Endpoint = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('http'), url: z.string(), headerNames: z.array(z.string()).default([]) }),
    z.object({ kind: z.literal('sse'), url: z.string(), headerNames: z.array(z.string()).default([]) }),
    z.object({
      kind: z.literal('stdio'),
      command: z.string(),
      args: z.array(z.string()).default([]),
      cwd: z.string().optional(),
      envNames: z.array(z.string()).default([]),
    }),
    /** A package that somebody could install; it is never run from here. */
    z.object({
      kind: z.literal('package'),
      registry: z.string(),
      identifier: z.string(),
      version: z.string().optional(),
      /** What its publisher says starts it, for a person to read. */
      suggestedCommand: z.array(z.string()).optional(),
      envNames: z.array(z.string()).default([]),
    }),
  ])
  .meta({ id: 'Endpoint' });
export type Endpoint = z.infer<typeof Endpoint>;

/** That one source saw the server, under its own key (container id, namespace/name/port, file#entry, …). */
export const Provenance = z.object({
  sourceId: z.string(),
  source: z.string(),
  type: z.string(),
  key: z.string(),
  name: z.string(),
  firstSeenAt: z.iso.datetime(),
  lastSeenAt: z.iso.datetime(),
  /** Of a lease; null for sources that say when something is gone. */
  expiresAt: z.iso.datetime().nullable(),
});
export type Provenance = z.infer<typeof Provenance>;

export const CandidateState = z.enum(['candidate', 'probing', 'healthy', 'degraded', 'unhealthy', 'lost']);
export type CandidateState = z.infer<typeof CandidateState>;

/** A value that has to be filled in before a found server can be used: a variable, a header, an argument. */
export const CandidateInput = z
  .object({
    name: z.string(),
    required: z.boolean(),
    secret: z.boolean(),
    description: z.string().optional(),
    /** Taken when no value is given. */
    default: z.string().optional(),
    choices: z.array(z.string()).optional(),
  })
  .meta({ id: 'CandidateInput' });
export type CandidateInput = z.infer<typeof CandidateInput>;

/** A server that was found, by one source or by several; it is routed to only once it is approved. */
export const Candidate = z
  .object({
    id: z.string(),
    name: z.string(),
    title: z.string().nullable(),
    description: z.string().nullable(),
    version: z.string().nullable(),
    /** `{name}` in an address or a command is one of `inputs`. */
    endpoint: Endpoint,
    /** What somebody has to fill in who approves it. */
    inputs: z.array(CandidateInput),
    labels: z.record(z.string(), z.string()),
    provenances: z.array(Provenance),
    state: CandidateState,
    decision: z.enum(['pending', 'approved', 'rejected']),
    /** Slug of the registered server once approved. */
    server: z.string().nullable(),
    era: z.enum(['legacy', 'modern']).nullable(),
    protocolVersion: z.string().nullable(),
    serverInfo: z.looseObject({ name: z.string(), version: z.string().optional() }).nullable(),
    latencyMs: z.number().nullable(),
    counts: ServerCounts.nullable(),
    /** SHA-256 over its lists in canonical form: changes when a tool, resource or prompt does. */
    catalogueHash: z.string().nullable(),
    lastError: ProbeError.nullable(),
    lastProbeAt: z.iso.datetime().nullable(),
    nextProbeAt: z.iso.datetime().nullable(),
    firstSeenAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Candidate' });
export type Candidate = z.infer<typeof Candidate>;

const CandidateRef = z.object({ id: z.uuid() });

export const listCandidates = contract('discovery.listCandidates', {
  input: PageQuery.extend({
    state: CandidateState.optional(),
    decision: z.enum(['pending', 'approved', 'rejected']).optional(),
    /** Name or id of a source. */
    source: z.string().max(64).optional(),
    kind: z.enum(['http', 'sse', 'stdio', 'package']).optional(),
    search: z.string().max(256).optional(),
  }),
  output: pageOf(Candidate),
});
export const getCandidate = contract('discovery.getCandidate', { input: CandidateRef, output: Candidate });
/** How a candidate is approved. */
export const CandidateApproval = z
  .object({
    slug: Slug.optional(),
    /** For the candidate's `inputs`, by name. Those that end in headers and variables are stored encrypted. */
    values: z
      .record(z.string().max(256), z.string().max(32_768))
      .refine((values) => Object.keys(values).length <= 256, 'at most 256 values')
      .optional(),
    /** For a package: registers the command that its publisher suggests, which fetches and runs it. */
    install: z.boolean().optional(),
  })
  .strict()
  .meta({ id: 'CandidateApproval' });
export type CandidateApproval = z.infer<typeof CandidateApproval>;

/** Registers the candidate with the router, under the given slug or one made of its name. */
export const approveCandidate = contract('discovery.approveCandidate', {
  input: CandidateRef.extend(CandidateApproval.shape),
  output: z.object({ candidate: Candidate, server: Server }).meta({ id: 'ApprovedCandidate' }),
  timeoutMs: 30_000,
});
/** Rejecting an approved candidate does not remove the server it became. */
export const rejectCandidate = contract('discovery.rejectCandidate', { input: CandidateRef, output: Candidate });
export const probeCandidate = contract('discovery.probeCandidate', {
  input: CandidateRef,
  output: Candidate,
  timeoutMs: 60_000,
});

/** `by-label`: approved when the label `mcp.approve` is `true` where the server was found. */
export const DiscoveryPolicy = z.enum(['manual', 'auto', 'by-label']);
export type DiscoveryPolicy = z.infer<typeof DiscoveryPolicy>;

const SourceFields = z.object({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'lower-case letters, digits and inner hyphens'),
  type: z.string().min(1).max(32),
  /** What the type needs to know; checked against the type's own schema. */
  settings: z.record(z.string().max(64), z.unknown()).default({}),
  policy: DiscoveryPolicy.default('manual'),
  enabled: z.boolean().default(true),
  /** What it finds is registered with its tools held until the analyzer has found nothing wrong with them, or someone approves them. */
  scanBeforeUse: z.boolean().optional(),
});

export const NewDiscoverySource = SourceFields.strict().meta({ id: 'NewDiscoverySource' });
export type NewDiscoverySource = z.infer<typeof NewDiscoverySource>;

/** A place that is looked at for servers. Settings hold no secrets: a token is read from a file that they name. */
export const DiscoverySource = z
  .object({
    id: z.string(),
    ...SourceFields.shape,
    /** `unreachable`: what it found is kept until it answers again. */
    state: z.enum(['disabled', 'waiting', 'syncing', 'ok', 'unreachable']),
    lastError: z.string().nullable(),
    lastSyncAt: z.iso.datetime().nullable(),
    found: z.int(),
    /** Entity tag of the definition, for `If-Match`. */
    version: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'DiscoverySource' });
export type DiscoverySource = z.infer<typeof DiscoverySource>;

/** By id or by name. */
const SourceRef = z.object({ source: z.string().min(1).max(64) });

export const listSources = contract('discovery.listSources', { input: PageQuery, output: pageOf(DiscoverySource) });
export const getSource = contract('discovery.getSource', { input: SourceRef, output: DiscoverySource });
export const addSource = contract('discovery.addSource', { input: NewDiscoverySource, output: DiscoverySource });
export const updateSource = contract('discovery.updateSource', {
  input: SourceRef.extend({
    changes: SourceFields.omit({ type: true })
      .extend({
        settings: z.record(z.string().max(64), z.unknown()),
        policy: DiscoveryPolicy,
        enabled: z.boolean(),
      })
      .partial()
      .strict(),
    /** The version that was read: `precondition_failed` if it changed since. */
    ifMatch: z.string().max(64).optional(),
  }),
  output: DiscoverySource,
});
/** What only this source found is withdrawn. */
export const removeSource = contract('discovery.removeSource', { input: SourceRef, output: Empty });
/** Asks for a look at the source now; the answer does not wait for what it finds. */
export const syncSource = contract('discovery.syncSource', { input: SourceRef, output: DiscoverySource });

/** What one look at a source found; nothing of it is kept. */
export const SourceTest = z
  .object({
    ok: z.boolean(),
    error: z.string().nullable(),
    found: z.int(),
    durationMs: z.number(),
    /** The first 20. */
    examples: z.array(z.object({ key: z.string(), name: z.string(), endpoint: Endpoint })),
  })
  .meta({ id: 'SourceTest' });
export type SourceTest = z.infer<typeof SourceTest>;

export const testSource = contract('discovery.testSource', {
  input: SourceRef,
  output: SourceTest,
  timeoutMs: 60_000,
});

/** A server that announces itself. Without renewal the announcement ends with its lease. */
export const NewRegistration = z
  .object({
    name: z.string().min(1).max(128),
    url: z.url().max(4096),
    type: z.enum(['http', 'sse']).default('http'),
    description: z.string().max(2000).optional(),
    version: z.string().max(255).optional(),
    labels: z.record(z.string().max(128), z.string().max(1024)).default({}),
    leaseSeconds: z.int().min(5).max(86_400).default(60),
  })
  .strict()
  .meta({ id: 'NewRegistration' });
export type NewRegistration = z.infer<typeof NewRegistration>;

export const Registration = z
  .object({ id: z.string(), candidateId: z.string(), expiresAt: z.iso.datetime(), leaseSeconds: z.int() })
  .meta({ id: 'Registration' });
export type Registration = z.infer<typeof Registration>;

export const registerServer = contract('discovery.registerServer', { input: NewRegistration, output: Registration });
export const renewRegistration = contract('discovery.renewRegistration', {
  input: z.object({ id: z.uuid() }),
  output: Registration,
});
export const endRegistration = contract('discovery.endRegistration', {
  input: z.object({ id: z.uuid() }),
  output: Empty,
});

/** Something changed in what is found or in how it is. */
export const DiscoveryEvent = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    type: z.enum([
      'serverFound',
      'serverMoved',
      'serverChanged',
      'serverLost',
      'serverRemoved',
      'serverApproved',
      'serverRejected',
      'catalogueChanged',
      'healthChanged',
      'sourceFailed',
      'sourceRecovered',
    ]),
    /** Slug of a registered server. */
    server: z.string().optional(),
    candidateId: z.string().optional(),
    source: z.string().optional(),
    name: z.string().optional(),
    from: z.string().optional(),
    to: z.string().optional(),
    detail: z.string().optional(),
  })
  .meta({ id: 'DiscoveryEvent' });
export type DiscoveryEvent = z.infer<typeof DiscoveryEvent>;

export const discoveryChanged = recordStream('monitor.discoveryChanged', DiscoveryEvent);

/** Sources were added, changed or removed, or one is to be looked at now: for the replica that follows them. */
export const sourcesChanged = broadcast('discovery.sourcesChanged', z.object({ sync: z.string().optional() }));
