import { Injectable } from '@nestjs/common';
import type {
  HealthSample,
  HealthState,
  ProbeError,
  ServerCounts,
  ServerHealth,
  ServerState,
} from '@mcp-router/shared';
import { DataSource, type EntityManager } from 'typeorm';
import { type Health, isFlapping, newHealth } from './health';

/** What a check saw besides whether it went well; absent fields stay as they were. */
export interface Facts {
  routerState?: ServerState;
  era?: 'legacy' | 'modern' | null;
  protocolVersion?: string | null;
  latencyMs?: number | null;
  counts?: ServerCounts | null;
  error?: ProbeError | null;
}

/** One line of the history; latency and error are those of the facts if absent. */
export interface Sample {
  at: number;
  via: 'probe' | 'traffic';
  ok: boolean;
  latencyMs?: number | undefined;
  error?: ProbeError | undefined;
}

interface HealthRow {
  server: string;
  health: Health;
  state: HealthState;
  next_probe_at: Date;
  router_state: ServerState | null;
  era: 'legacy' | 'modern' | null;
  protocol_version: string | null;
  latency_ms: number | null;
  counts: ServerCounts | null;
  last_error: ProbeError | null;
  last_checked_at: Date | null;
}

/** The rows of `discovery.server_health` and `discovery.health_sample`. */
@Injectable()
export class HealthStore {
  constructor(private readonly database: DataSource) {}

  /** Makes the set of watched servers equal to the registered ones; a slug that was given to another server starts anew. */
  async replaceServers(servers: { slug: string; id: string }[], now: number): Promise<void> {
    await this.database.query(
      `WITH registered AS (SELECT * FROM unnest($1::text[], $2::text[]) AS r (server, server_id)),
            gone AS (DELETE FROM discovery.server_health h WHERE NOT EXISTS (SELECT FROM registered r WHERE r.server = h.server))
       INSERT INTO discovery.server_health AS h (server, server_id, health, state, next_probe_at)
       SELECT server, server_id, $3::jsonb, 'unknown', to_timestamp($4::double precision / 1000) FROM registered
       ON CONFLICT (server) DO UPDATE SET
         server_id = excluded.server_id, health = excluded.health, state = excluded.state,
         next_probe_at = excluded.next_probe_at, router_state = NULL, era = NULL, protocol_version = NULL,
         latency_ms = NULL, counts = NULL, last_error = NULL, last_checked_at = NULL
       WHERE h.server_id <> excluded.server_id`,
      [servers.map(({ slug }) => slug), servers.map(({ id }) => id), JSON.stringify(newHealth(now)), now],
    );
  }

  /** Makes probes due at `at`, unless they are due before. */
  async makeDue(servers: string[], at: number): Promise<void> {
    await this.database.query(
      `UPDATE discovery.server_health SET next_probe_at = least(next_probe_at, to_timestamp($2::double precision / 1000))
        WHERE server = ANY ($1)`,
      [servers, at],
    );
  }

  /** Takes servers whose probe is due: no other replica gets them before `leaseMs` have passed. */
  async claimDue(now: number, leaseMs: number, limit: number): Promise<string[]> {
    const [rows] = await this.database.query<[{ server: string }[], number]>(
      `UPDATE discovery.server_health SET next_probe_at = to_timestamp(($1::double precision + $2) / 1000)
        WHERE server IN (SELECT server FROM discovery.server_health
                          WHERE next_probe_at <= to_timestamp($1::double precision / 1000)
                          ORDER BY next_probe_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING server`,
      [now, leaseMs, limit],
    );
    return rows.map(({ server }) => server);
  }

  /**
   * Changes one server's health under a row lock and writes down what was seen.
   * @param change gives the next health, or undefined when the check says nothing about it
   * @returns the health before and after; undefined when the server is not watched any more
   */
  async apply(
    server: string,
    facts: Facts,
    change: (health: Health) => Health,
    sample?: Sample,
  ): Promise<{ before: Health; after: Health } | undefined> {
    return this.database.transaction(async (db) => {
      const rows = await db.query<HealthRow[]>(`SELECT * FROM discovery.server_health WHERE server = $1 FOR UPDATE`, [
        server,
      ]);
      const [row] = rows;
      if (!row) return undefined;
      const after = change(row.health);
      await update(db, row, after, facts, sample?.at);
      if (sample) {
        await db.query(
          `INSERT INTO discovery.health_sample (server, at, via, ok, latency_ms, state, error)
           VALUES ($1, to_timestamp($2::double precision / 1000), $3, $4, $5, $6, $7)`,
          [
            server,
            sample.at,
            sample.via,
            sample.ok,
            sample.latencyMs ?? facts.latencyMs ?? null,
            after.state,
            sample.error || facts.error ? JSON.stringify(sample.error ?? facts.error) : null,
          ],
        );
      }
      return { before: row.health, after };
    });
  }

  async get(server: string): Promise<ServerHealth | undefined> {
    const rows = await this.database.query<HealthRow[]>(
      `SELECT * FROM discovery.server_health WHERE server = $1 OR server_id = $1`,
      [server],
    );
    return rows[0] && toServerHealth(rows[0]);
  }

  async list(after: string, limit: number, state: HealthState | undefined): Promise<ServerHealth[]> {
    const rows = await this.database.query<HealthRow[]>(
      `SELECT * FROM discovery.server_health WHERE server > $1 AND ($3::text IS NULL OR state = $3)
        ORDER BY server LIMIT $2`,
      [after, limit, state ?? null],
    );
    return rows.map(toServerHealth);
  }

  /** Newest first, those before the sample `before`. */
  async samples(server: string, before: string, limit: number): Promise<(HealthSample & { id: string })[]> {
    const rows = await this.database.query<SampleRow[]>(
      `SELECT * FROM discovery.health_sample WHERE server = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3`,
      [server, before, limit],
    );
    return rows.map(({ id, at, via, ok, latency_ms, state, error }) => ({
      id,
      at: at.toISOString(),
      via,
      ok,
      latencyMs: latency_ms,
      state,
      error,
    }));
  }

  async forgetSamples(before: number): Promise<void> {
    await this.database.query(
      `DELETE FROM discovery.health_sample WHERE at < to_timestamp($1::double precision / 1000)`,
      [before],
    );
  }
}

interface SampleRow {
  id: string;
  at: Date;
  via: 'probe' | 'traffic';
  ok: boolean;
  latency_ms: number | null;
  state: HealthState;
  error: ProbeError | null;
}

async function update(db: EntityManager, row: HealthRow, health: Health, facts: Facts, checkedAt?: number) {
  const kept = <T>(next: T | undefined, before: T) => (next === undefined ? before : next);
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  await db.query(
    `UPDATE discovery.server_health SET health = $2, state = $3, next_probe_at = to_timestamp($4::double precision / 1000),
            router_state = $5, era = $6, protocol_version = $7, latency_ms = $8, counts = $9, last_error = $10,
            last_checked_at = coalesce(to_timestamp($11::double precision / 1000), last_checked_at)
      WHERE server = $1`,
    [
      row.server,
      JSON.stringify(health),
      health.state,
      health.nextProbeAt,
      kept(facts.routerState, row.router_state),
      kept(facts.era, row.era),
      kept(facts.protocolVersion, row.protocol_version),
      kept(facts.latencyMs, row.latency_ms),
      json(kept(facts.counts, row.counts)),
      json(kept(facts.error, row.last_error)),
      checkedAt ?? null,
    ],
  );
}

function toServerHealth(row: HealthRow): ServerHealth {
  const { health } = row;
  return {
    server: row.server,
    state: row.state,
    since: new Date(health.since).toISOString(),
    routerState: row.router_state,
    era: row.era,
    protocolVersion: row.protocol_version,
    latencyMs: row.latency_ms,
    counts: row.counts,
    consecutiveFailures: health.failures,
    isFlapping: isFlapping(health, Date.now()),
    lastError: row.last_error,
    lastOkAt: health.lastOkAt === null ? null : new Date(health.lastOkAt).toISOString(),
    lastCheckedAt: row.last_checked_at?.toISOString() ?? null,
    nextProbeAt: row.next_probe_at.toISOString(),
  };
}
