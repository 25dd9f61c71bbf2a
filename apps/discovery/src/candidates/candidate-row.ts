import type { Candidate, CandidateState, Endpoint, ProbeError, ServerCounts } from '@mcp-router/shared';
import type { Health } from '../health/health';
import type { Sighting } from '../sources/source';

export interface CandidateFilter {
  state?: CandidateState | undefined;
  decision?: Candidate['decision'] | undefined;
  source?: string | undefined;
  kind?: Endpoint['kind'] | undefined;
  search?: string | undefined;
}

export interface CandidateRow {
  id: string;
  identity: string;
  name: string;
  title: string | null;
  description: string | null;
  version: string | null;
  kind: Endpoint['kind'];
  endpoint: Endpoint;
  labels: Record<string, string>;
  decision: Candidate['decision'];
  server: string | null;
  health: Health;
  state: CandidateState;
  transport: 'http' | 'sse' | null;
  era: 'legacy' | 'modern' | null;
  protocol_version: string | null;
  server_info: Candidate['serverInfo'];
  latency_ms: number | null;
  counts: ServerCounts | null;
  catalogue_hash: string | null;
  catalogue_at: Date | null;
  last_error: ProbeError | null;
  last_probe_at: Date | null;
  next_probe_at: Date | null;
  first_seen_at: Date;
  updated_at: Date;
  provenances:
    | { sourceId: string; source: string; type: string; sighting: Sighting; firstSeenAt: string; lastSeenAt: string }[]
    | null;
}

/** An address with something left open cannot be asked. */
export function isProbed(endpoint: Endpoint): endpoint is Extract<Endpoint, { url: string }> {
  return (endpoint.kind === 'http' || endpoint.kind === 'sse') && !/[{}]/.test(endpoint.url);
}

/** Candidates with their provenances. A new one whose first probe is on its way is `probing`. */
export const CANDIDATE_QUERY = `
  SELECT c.*,
         CASE WHEN c.lost_at IS NOT NULL THEN 'lost'
              WHEN c.health ->> 'state' <> 'unknown' THEN c.health ->> 'state'
              WHEN c.next_probe_at > now() AND c.last_probe_at IS NULL THEN 'probing'
              ELSE 'candidate' END AS state,
         (SELECT jsonb_agg(jsonb_build_object('sourceId', s.id, 'source', s.name, 'type', s.type, 'sighting', p.sighting,
                    'firstSeenAt', p.first_seen_at, 'lastSeenAt', p.last_seen_at) ORDER BY p.first_seen_at)
            FROM discovery.provenance p JOIN discovery.source s ON s.id = p.source_id
           WHERE p.candidate_id = c.id) AS provenances
    FROM discovery.candidate c`;

export function toCandidate(row: CandidateRow): Candidate {
  const iso = (date: Date | null) => date?.toISOString() ?? null;
  return {
    id: row.id,
    name: row.name,
    title: row.title,
    description: row.description,
    version: row.version,
    endpoint: row.endpoint,
    inputs: (row.provenances ?? []).find(({ sighting }) => sighting.inputs)?.sighting.inputs ?? [],
    labels: row.labels,
    provenances: (row.provenances ?? []).map(({ sourceId, source, type, sighting, firstSeenAt, lastSeenAt }) => ({
      sourceId,
      source,
      type,
      key: sighting.key,
      name: sighting.name,
      firstSeenAt: new Date(firstSeenAt).toISOString(),
      lastSeenAt: new Date(lastSeenAt).toISOString(),
      expiresAt: sighting.expiresAt === undefined ? null : new Date(sighting.expiresAt).toISOString(),
    })),
    state: row.state,
    decision: row.decision,
    server: row.server,
    era: row.era,
    protocolVersion: row.protocol_version,
    serverInfo: row.server_info,
    latencyMs: row.latency_ms,
    counts: row.counts,
    catalogueHash: row.catalogue_hash,
    lastError: row.last_error,
    lastProbeAt: iso(row.last_probe_at),
    nextProbeAt: iso(row.next_probe_at),
    firstSeenAt: row.first_seen_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
