import { Injectable } from '@nestjs/common';
import { AppError, type Candidate, type ProbeError } from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { type Health, newHealth } from '../health/health';
import type { ProbeResult } from '../probe/probe';
import type { Sighting } from '../sources/source';
import type { Change, Entry, Found } from './book';
import { CANDIDATE_QUERY, type CandidateFilter, type CandidateRow, isProbed, toCandidate } from './candidate-row';
import type { Merged } from './merge';
import type { Say } from './policy';

interface ProvenanceRow {
  candidate_id: string;
  source_id: string;
  sighting: Sighting;
  first_seen_at: Date;
  last_seen_at: Date;
}

/** Few enough that one transaction does not hold others up for long. */
const CHANGES_AT_ONCE = 100;

/** The rows of `discovery.candidate`, `provenance` and `rejection`. */
@Injectable()
export class CandidatesStore {
  constructor(private readonly database: DataSource) {}

  /** Everything the book knew when it was last written down; a server whose sources are gone is lost since `now`. */
  async load(now: number): Promise<Found[]> {
    const [candidates, rows] = await Promise.all([
      this.database.query<{ id: string; identity: string; lost_at: Date | null }[]>(
        `SELECT id, identity, lost_at FROM discovery.candidate`,
      ),
      this.database.query<ProvenanceRow[]>(`SELECT * FROM discovery.provenance ORDER BY first_seen_at`),
    ]);
    const entries = new Map<string, Entry[]>();
    for (const row of rows) {
      const entry: Entry = {
        sourceId: row.source_id,
        sighting: row.sighting,
        firstSeenAt: row.first_seen_at.getTime(),
        lastSeenAt: row.last_seen_at.getTime(),
      };
      entries.set(row.candidate_id, [...(entries.get(row.candidate_id) ?? []), entry]);
    }
    return candidates.map(({ id, identity, lost_at }) => {
      const seen = entries.get(id) ?? [];
      return { id, identity, entries: seen, lostAt: seen.length > 0 ? null : (lost_at?.getTime() ?? now) };
    });
  }

  /** Writes down what changed in the book. */
  async save(changes: readonly Change[], mergeOf: (found: Found) => Merged | undefined, now: number): Promise<void> {
    // Of several changes of one server only the last counts, but what was removed may come back under its identity.
    for (let from = 0; from < changes.length; from += CHANGES_AT_ONCE) {
      const some = changes.slice(from, from + CHANGES_AT_ONCE);
      await this.database.transaction(async (db) => {
        for (const { type, candidate } of some) {
          if (type === 'removed') await db.query(`DELETE FROM discovery.candidate WHERE id = $1`, [candidate.id]);
          else await saveOne(db, candidate, mergeOf(candidate), now);
        }
      });
    }
  }

  async get(id: string): Promise<Candidate> {
    const [row] = await this.database.query<CandidateRow[]>(`${CANDIDATE_QUERY} WHERE c.id = $1`, [id]);
    if (!row) throw new AppError('not_found', `There is no candidate ${id}`);
    return toCandidate(row);
  }

  async list(after: string, limit: number, filter: CandidateFilter): Promise<Candidate[]> {
    const { state, decision, source, kind, search } = filter;
    const rows = await this.database.query<CandidateRow[]>(
      `SELECT * FROM (${CANDIDATE_QUERY}) c
        WHERE c.id > $1::uuid AND ($3::text IS NULL OR c.state = $3) AND ($4::text IS NULL OR c.decision = $4)
          AND ($5::text IS NULL OR EXISTS (SELECT FROM discovery.provenance p JOIN discovery.source s ON s.id = p.source_id
                WHERE p.candidate_id = c.id AND (s.name = $5 OR s.id::text = $5)))
          AND ($6::text IS NULL OR c.kind = $6)
          AND ($7::text IS NULL OR position(lower($7) IN lower(concat_ws(' ', c.name, c.title, c.description, c.endpoint ->> 'url'))) > 0)
        ORDER BY c.id LIMIT $2`,
      [after, limit, state ?? null, decision ?? null, source ?? null, kind ?? null, search ?? null],
    );
    return rows.map(toCandidate);
  }

  /** @returns false when somebody else decided in the meantime */
  async decide(
    id: string,
    decision: 'approved' | 'rejected',
    server: string | null,
    by: 'person' | 'policy',
  ): Promise<void> {
    await this.database.transaction(async (db) => {
      const [rows] = await db.query<[{ identity: string }[], number]>(
        `UPDATE discovery.candidate SET decision = $2, server = $3, approved_by = $4, updated_at = now(),
                next_probe_at = CASE WHEN $2 = 'rejected' THEN NULL ELSE next_probe_at END
          WHERE id = $1 RETURNING identity`,
        [id, decision, server, decision === 'approved' ? by : null],
      );
      const identity = rows[0]?.identity;
      if (identity === undefined) throw new AppError('not_found', `There is no candidate ${id}`);
      if (decision === 'approved') await db.query(`DELETE FROM discovery.rejection WHERE identity = $1`, [identity]);
      else await db.query(`INSERT INTO discovery.rejection (identity) VALUES ($1) ON CONFLICT DO NOTHING`, [identity]);
    });
  }

  /** Slug of the server that a candidate became, and whether a policy made it; undefined while it is none. */
  async approvalOf(id: string): Promise<{ server: string; by: 'person' | 'policy' } | undefined> {
    const [row] = await this.database.query<{ server: string | null; approved_by: 'person' | 'policy' }[]>(
      `SELECT server, approved_by FROM discovery.candidate WHERE id = $1 AND decision = 'approved'`,
      [id],
    );
    return row?.server ? { server: row.server, by: row.approved_by } : undefined;
  }

  /** What has to be filled in, and where, as the first source says that says anything of it. */
  async templateOf(id: string): Promise<Pick<Sighting, 'inputs' | 'template'>> {
    const rows = await this.database.query<{ sighting: Sighting }[]>(
      `SELECT sighting FROM discovery.provenance WHERE candidate_id = $1 ORDER BY first_seen_at`,
      [id],
    );
    const sighting = rows.map((row) => row.sighting).find(({ template, inputs }) => template ?? inputs);
    return { inputs: sighting?.inputs, template: sighting?.template };
  }

  /** What the sources that see a candidate let be done with it. */
  async saysOf(id: string): Promise<Say[]> {
    const rows = await this.database.query<
      { policy: Say['policy']; type: string; scan: boolean; sighting: Sighting }[]
    >(
      `SELECT s.policy, s.type, s.scan_before_use AS scan, p.sighting FROM discovery.provenance p JOIN discovery.source s ON s.id = p.source_id
        WHERE p.candidate_id = $1 AND s.enabled`,
      [id],
    );
    return rows.map(({ policy, type, scan, sighting }) => ({
      policy,
      sourceType: type,
      scanBeforeUse: scan,
      labels: sighting.labels ?? {},
    }));
  }

  /** Takes candidates whose probe is due: no other replica gets them before `leaseMs` have passed. */
  async claimDue(now: number, leaseMs: number, limit: number): Promise<ProbeTask[]> {
    const [rows] = await this.database.query<[CandidateRow[], number]>(
      `UPDATE discovery.candidate SET next_probe_at = to_timestamp(($1::double precision + $2) / 1000)
        WHERE id IN (SELECT id FROM discovery.candidate
                      WHERE next_probe_at <= to_timestamp($1::double precision / 1000)
                      ORDER BY next_probe_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING id, endpoint, era, transport, catalogue_at, health`,
      [now, leaseMs, limit],
    );
    return rows.flatMap((row) => taskOf(row) ?? []);
  }

  /** What is needed to probe a candidate now; undefined for one that has no address. */
  async probeTask(id: string): Promise<ProbeTask | undefined> {
    const [row] = await this.database.query<CandidateRow[]>(`SELECT * FROM discovery.candidate WHERE id = $1`, [id]);
    if (!row) throw new AppError('not_found', `There is no candidate ${id}`);
    return taskOf(row);
  }

  /** Enters the result of a probe. @returns what it changed; undefined when the candidate is gone */
  async enterProbe(
    id: string,
    at: number,
    outcome: { result: ProbeResult } | { error: ProbeError },
    change: (health: Health) => Health,
  ): Promise<{ before: Health; after: Health; catalogueChanged: boolean; decision: string; name: string } | undefined> {
    return this.database.transaction(async (db) => {
      const [row] = await db.query<CandidateRow[]>(`SELECT * FROM discovery.candidate WHERE id = $1 FOR UPDATE`, [id]);
      if (!row) return undefined;
      const after = change(row.health);
      const result = 'result' in outcome ? outcome.result : undefined;
      const error = 'error' in outcome ? outcome.error : null;
      await db.query(
        `UPDATE discovery.candidate SET health = $2, last_error = $3, updated_at = now(),
                last_probe_at = to_timestamp($4::double precision / 1000),
                next_probe_at = CASE WHEN decision = 'rejected' OR lost_at IS NOT NULL THEN NULL
                                     ELSE to_timestamp($5::double precision / 1000) END,
                transport = coalesce($6, transport), era = coalesce($7, era),
                protocol_version = coalesce($8, protocol_version), server_info = coalesce($9, server_info),
                latency_ms = coalesce($10, latency_ms), counts = coalesce($11, counts),
                catalogue_hash = coalesce($12, catalogue_hash),
                catalogue_at = CASE WHEN $12::text IS NULL THEN catalogue_at ELSE to_timestamp($4::double precision / 1000) END
          WHERE id = $1`,
        [
          id,
          JSON.stringify(after),
          error && JSON.stringify(error),
          at,
          after.nextProbeAt,
          result?.transport ?? null,
          result?.era ?? null,
          result?.protocolVersion ?? null,
          result?.serverInfo ? JSON.stringify(result.serverInfo) : null,
          result?.latencyMs ?? null,
          result?.counts ? JSON.stringify(result.counts) : null,
          result?.catalogueHash ?? null,
        ],
      );
      const { catalogue_hash: known, decision, name } = row;
      const hash = result?.catalogueHash;
      const catalogueChanged = known !== null && hash !== undefined && known !== hash;
      return { before: row.health, after, catalogueChanged, decision, name };
    });
  }
}

export interface ProbeTask {
  id: string;
  url: string;
  kind: 'http' | 'sse';
  era: 'legacy' | 'modern' | undefined;
  /** It answered lately, so one lost packet is not to be taken for an outage. */
  isUp: boolean;
  /** When its lists were last read, epoch milliseconds. */
  catalogueAt: number | undefined;
}

function taskOf({ id, endpoint, era, transport, catalogue_at, health }: CandidateRow): ProbeTask | undefined {
  if (!isProbed(endpoint)) return undefined;
  const kind = transport ?? endpoint.kind;
  return {
    id,
    url: endpoint.url,
    kind,
    era: era ?? undefined,
    isUp: health.state === 'healthy' || health.state === 'degraded',
    catalogueAt: catalogue_at?.getTime(),
  };
}

async function saveOne(db: EntityManager, found: Found, merged: Merged | undefined, now: number): Promise<void> {
  const { id, identity, entries, lostAt } = found;
  if (merged) {
    await db.query(
      `INSERT INTO discovery.candidate AS c (id, identity, name, title, description, version, kind, endpoint, labels,
              lost_at, health, next_probe_at, decision)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, $10, to_timestamp($11::double precision / 1000),
               CASE WHEN EXISTS (SELECT FROM discovery.rejection WHERE identity = $2) THEN 'rejected' ELSE 'pending' END)
       ON CONFLICT (id) DO UPDATE SET identity = $2, name = $3, title = $4, description = $5, version = $6, kind = $7,
              endpoint = $8, labels = $9, lost_at = NULL, updated_at = now(),
              -- At a new address, and when it is back, it is looked at at once.
              transport = CASE WHEN c.identity <> $2 THEN NULL ELSE c.transport END,
              next_probe_at = CASE WHEN c.decision <> 'rejected' AND (c.lost_at IS NOT NULL OR c.identity <> $2)
                                   THEN to_timestamp($11::double precision / 1000) ELSE c.next_probe_at END`,
      [
        id,
        identity,
        merged.name,
        merged.title,
        merged.description,
        merged.version,
        merged.endpoint.kind,
        JSON.stringify(merged.endpoint),
        JSON.stringify(merged.labels),
        JSON.stringify(newHealth(now)),
        isProbed(merged.endpoint) ? now : null,
      ],
    );
  } else
    await db.query(
      `UPDATE discovery.candidate SET lost_at = to_timestamp($2::double precision / 1000), next_probe_at = NULL, updated_at = now()
        WHERE id = $1`,
      [id, lostAt ?? now],
    );
  await db.query(`DELETE FROM discovery.provenance WHERE candidate_id = $1`, [id]);
  if (entries.length === 0) return;
  await db.query(
    `INSERT INTO discovery.provenance (source_id, key, candidate_id, sighting, first_seen_at, last_seen_at)
     SELECT source_id, key, $1, sighting, to_timestamp(first_ms / 1000), to_timestamp(last_ms / 1000)
       FROM unnest($2::uuid[], $3::text[], $4::jsonb[], $5::double precision[], $6::double precision[])
            AS e (source_id, key, sighting, first_ms, last_ms)
      WHERE EXISTS (SELECT FROM discovery.source s WHERE s.id = e.source_id)
     ON CONFLICT (source_id, key) DO UPDATE SET candidate_id = excluded.candidate_id, sighting = excluded.sighting,
            last_seen_at = excluded.last_seen_at`,
    [
      id,
      entries.map(({ sourceId }) => sourceId),
      entries.map(({ sighting }) => sighting.key),
      entries.map(({ sighting }) => JSON.stringify(sighting)),
      entries.map(({ firstSeenAt }) => firstSeenAt),
      entries.map(({ lastSeenAt }) => lastSeenAt),
    ],
  );
}
