import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { maintainPartitions } from '../storage/partitions';
import { PACKED_POINT, packCounts, unpackPoints } from './packed-points';
import { keyText, mergePoints, type Point, type SeriesKey, type StoredPoint } from './point';
import { bucketOf, FINEST, TIERS, type Tier } from './tier';

interface Row {
  series_id: string;
  points: Buffer;
}

export interface StoredSeries {
  id: string;
  name: string;
  type: SeriesKey['type'];
  labels: Record<string, string>;
}

/** Most series of one name that are read for one answer. */
export const MAX_SERIES = 20_000;
/** About how many points are read at a time. */
const POINTS_AT_ONCE = 200_000;

/** Of those without points, so many are removed at a time. */
const MAX_REMOVED = 1_000;
/** Held alone by whoever removes series, shared by whoever stores points of them. */
const SERIES_LOCK = `hashtext('mcp-router:series')`;
const KEEP_SERIES = `SELECT pg_advisory_xact_lock_shared(${SERIES_LOCK})`;

/** Metrics in Postgres: points of the finest tier come in, coarser ones are recomputed from them whenever they changed. */
@Injectable()
export class MetricsStore {
  private readonly ids = new Map<string, string>();

  constructor(private readonly database: DataSource) {}

  /** Stores points of a tier and marks the coarser buckets that hold them. A point that is there stays. */
  async write(points: readonly { key: SeriesKey; point: Point }[], tier: Tier = FINEST): Promise<void> {
    if (points.length === 0) return;
    await this.database.transaction(async (db) => {
      const ids = await this.idsOf(db, points);
      const rows = points.map(({ point }, i) => ({ id: ids[i] ?? '', point }));
      await insert(db, tier, rows, 'DO NOTHING');
      await markDirty(
        db,
        TIERS.findIndex(({ table }) => table === tier.table) + 1,
        new Set(points.map(({ point }) => point.at)),
      );
    });
  }

  /** Adds to points of the finest tier that may be there already: the clock was set back, and their time comes again. */
  async add(points: readonly { key: SeriesKey; point: Point }[]): Promise<void> {
    if (points.length === 0) return;
    await this.database.transaction(async (db) => {
      const all = await this.idsOf(db, points);
      const known = points.map(({ point }, i) => ({ id: all[i] ?? '', point }));
      for (const at of new Set(points.map(({ point }) => point.at))) {
        const own = known.filter(({ point }) => point.at === at);
        const ids = own.map(({ id }) => id);
        const there = await readPoints(db, FINEST, 'series_id = ANY($3::bigint[])', at, at + FINEST.stepMs, ids);
        const rows = own.map(({ id, point }) => ({ id, point: mergePoints(at, [point, ...(there.get(id) ?? [])]) }));
        await insert(db, FINEST, rows, REPLACE);
        await markDirty(db, 1, new Set([at]));
      }
    });
  }

  /**
   * Recomputes the coarser buckets that changed. The mark and the bucket change in one transaction and a bucket is always
   * computed whole, so it is right in any order, after any crash, and however often it runs.
   *
   * @returns how many buckets were computed
   */
  async rollUp(limit = 500): Promise<number> {
    let done = 0;
    for (const index of [1, 2]) {
      const tier = TIERS[index];
      const finer = TIERS[index - 1];
      if (!tier || !finer) continue;
      while (done < limit && (await this.rollUpOne(tier, finer, index))) done++;
    }
    return done;
  }

  async findSeries(name: string, labels: Record<string, string>, limit: number): Promise<StoredSeries[]> {
    return this.database.query(
      `SELECT id, name, type, labels FROM monitor.metric_series WHERE name = $1 AND labels @> $2::jsonb ORDER BY id LIMIT $3`,
      [name, JSON.stringify(labels), limit],
    );
  }

  /** By name, then by id; those after a name and an id. */
  async listSeries(prefix: string, [name, id]: [string, string], limit: number): Promise<StoredSeries[]> {
    return this.database.query(
      `SELECT id, name, type, labels FROM monitor.metric_series
        WHERE starts_with(name, $1) AND (name, id) > ($2, $3::bigint) ORDER BY name, id LIMIT $4`,
      [prefix, name, id, limit],
    );
  }

  /** Points of series in `[from, to)`, by series id. */
  async read(tier: Tier, ids: readonly string[], from: number, to: number): Promise<Map<string, StoredPoint[]>> {
    return readPoints(this.database, tier, 'series_id = ANY($3::bigint[])', from, to, ids);
  }

  /** As `read`, some series at a time: as many as fit into memory. */
  async *readInParts(
    tier: Tier,
    ids: readonly string[],
    from: number,
    to: number,
    pointsAtOnce = POINTS_AT_ONCE,
  ): AsyncGenerator<[id: string, points: StoredPoint[]], void> {
    const atOnce = seriesAtOnce(tier, to - from, pointsAtOnce);
    for (let i = 0; i < ids.length; i += atOnce) yield* await this.read(tier, ids.slice(i, i + atOnce), from, to);
  }

  /** For every hour: partitions come and go, and so do series that have no points any more. @returns the dropped partitions */
  async maintain(now = new Date()): Promise<string[]> {
    const dropped: string[] = [];
    for (const { table, keepDays } of TIERS)
      dropped.push(...(await maintainPartitions(this.database, table, keepDays, now)));
    await this.removeEmptySeries(now.getUTCHours());
    return dropped;
  }

  /** Each hour of a day looks at another part of the series. Whoever writes meanwhile waits. */
  private async removeEmptySeries(hour: number): Promise<void> {
    await this.database.transaction(async (db) => {
      await db.query(`SELECT pg_advisory_xact_lock(${SERIES_LOCK})`);
      // One look into an index for each partition: reading a whole one, or compiling that, takes far longer.
      await db.query(`SET LOCAL enable_seqscan = off`);
      await db.query(`SET LOCAL jit = off`);
      const isEmpty = TIERS.map(
        ({ table }) => `(SELECT 1 FROM monitor.${table} WHERE series_id = s.id LIMIT 1) IS NULL`,
      );
      await db.query(
        `DELETE FROM monitor.metric_series WHERE id IN (
           SELECT id FROM monitor.metric_series s WHERE id % 24 = $1 AND ${isEmpty.join(' AND ')} LIMIT ${MAX_REMOVED})`,
        [hour],
      );
    });
  }

  private async rollUpOne(tier: Tier, finer: Tier, index: number): Promise<boolean> {
    return this.database.transaction(async (db) => {
      const [marks]: [{ at: Date }[], number] = await db.query(
        `DELETE FROM monitor.metric_dirty WHERE (tier, at) IN (
           SELECT tier, at FROM monitor.metric_dirty WHERE tier = $1 ORDER BY at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING at`,
        [tier.table],
      );
      const at = marks[0]?.at.getTime();
      if (at === undefined) return false;
      await db.query(KEEP_SERIES);
      const finerPoints = await readPoints(db, finer, 'true', at, at + tier.stepMs);
      const merged = [...finerPoints].map(([id, points]) => ({ id, point: mergePoints(at, points) }));
      await insert(db, tier, merged, REPLACE);
      await markDirty(db, index + 1, new Set([at]));
      return true;
    });
  }

  /** Ids of series, in the order of their points; until the transaction ends nobody removes one of them. */
  private async idsOf(db: EntityManager, points: readonly { key: SeriesKey }[]): Promise<string[]> {
    const texts = points.map(({ key }) => keyText(key));
    const ids = new Map<string, string>();
    for (const text of texts) {
      const id = this.ids.get(text);
      if (id !== undefined) ids.set(text, id);
    }
    await db.query(KEEP_SERIES);
    const [{ n = 0 } = {}]: { n?: number }[] = await db.query(
      `SELECT count(*)::int AS n FROM monitor.metric_series WHERE id = ANY($1::bigint[])`,
      [[...ids.values()]],
    );
    if (n < ids.size) {
      // Some were removed, or a transaction that added them came to nothing.
      this.ids.clear();
      ids.clear();
    }
    const unknown = new Map(points.map(({ key }, i) => [texts[i] ?? '', key] as const));
    for (const text of ids.keys()) unknown.delete(text);
    for (const { id, key } of await learnIds(db, unknown)) {
      ids.set(key, id);
      this.ids.set(key, id);
    }
    return texts.map((text) => ids.get(text) ?? '');
  }
}

/** Ids of series by their keys as text; those that are not there yet are added. */
async function learnIds(
  db: EntityManager,
  keys: ReadonlyMap<string, SeriesKey>,
): Promise<readonly { id: string; key: string }[]> {
  if (keys.size === 0) return [];
  const texts = [...keys.keys()];
  const all = [...keys.values()];
  await db.query(
    `INSERT INTO monitor.metric_series (key, name, type, labels)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) ON CONFLICT DO NOTHING`,
    [texts, all.map(({ name }) => name), all.map(({ type }) => type), all.map(({ labels }) => JSON.stringify(labels))],
  );
  return db.query(`SELECT id, key FROM monitor.metric_series WHERE key = ANY($1::text[])`, [texts]);
}

/** How many series have about `pointsAtOnce` points in a time of that length. */
export const seriesAtOnce = (tier: Tier, lengthMs: number, pointsAtOnce = POINTS_AT_ONCE): number =>
  Math.max(1, Math.floor(pointsAtOnce / Math.max(1, lengthMs / tier.stepMs)));

const REPLACE = `DO UPDATE SET count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max,
  zeros = excluded.zeros, offset_ = excluded.offset_, buckets = excluded.buckets`;

async function insert(
  db: EntityManager,
  tier: Tier,
  rows: readonly { id: string; point: Point }[],
  onConflict: string,
): Promise<void> {
  const column = <T>(pick: (point: Point) => T) => rows.map(({ point }) => pick(point));
  await db.query(
    `INSERT INTO monitor.${tier.table} (series_id, at, count, sum, min, max, zeros, offset_, buckets)
     SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::int[], $9::bytea[])
     ON CONFLICT (series_id, at) ${onConflict}`,
    [
      rows.map(({ id }) => id),
      column(({ at }) => new Date(at)),
      column(({ count }) => count),
      column(({ sum }) => sum),
      column(({ min }) => min),
      column(({ max }) => max),
      column(({ zeros }) => zeros),
      column(({ offset }) => offset),
      column(({ counts }) => packCounts(counts)),
    ],
  );
}

async function markDirty(db: EntityManager, index: number, times: ReadonlySet<number>): Promise<void> {
  const tier = TIERS[index];
  if (!tier) return;
  const buckets = [...new Set([...times].map((at) => bucketOf(at, tier.stepMs)))].map((at) => new Date(at));
  await db.query(
    `INSERT INTO monitor.metric_dirty (tier, at) SELECT $1, * FROM unnest($2::timestamptz[]) ON CONFLICT DO NOTHING`,
    [tier.table, buckets],
  );
}

/** Points of `[from, to)` by series, oldest first. @param where on `$3`, which is `given` */
async function readPoints(
  db: DataSource | EntityManager,
  tier: Tier,
  where: string,
  from: number,
  to: number,
  ...given: unknown[]
): Promise<Map<string, StoredPoint[]>> {
  const rows: Row[] = await db.query(
    `SELECT series_id, string_agg(${PACKED_POINT}, ''::bytea ORDER BY at) AS points
       FROM monitor.${tier.table} WHERE at >= $1 AND at < $2 AND ${where} GROUP BY series_id`,
    [new Date(from), new Date(to), ...given],
  );
  return new Map(rows.map(({ series_id, points }) => [series_id, unpackPoints(points)]));
}
