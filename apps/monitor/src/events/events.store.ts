import { Injectable } from '@nestjs/common';
import {
  decodeCursor,
  toPage,
  type EventsQuery,
  type MonitorEvent,
  type Page,
  type RecordedEvent,
} from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { maintainPartitions } from '../storage/partitions';
import type { HealthChange } from '../uptime/uptime';

type Row = Record<string, unknown>;

/** What one write made readable: the events with numbers after `previous`, up to `head`. */
export interface Kept {
  previous: number;
  head: number;
  items: MonitorEvent[];
}

const INSERT = `
  INSERT INTO monitor.event (seq, id, at, topic, type, server, subject, actor, data)
  SELECT $1::bigint + n, e.id, e.at, split_part(e.type, '.', 1), e.type, e.server, e.subject, e.actor, e.data::jsonb
    FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
      WITH ORDINALITY AS e (id, at, type, server, subject, actor, data, n)
  ON CONFLICT DO NOTHING RETURNING *`;

/** Events in Postgres. */
@Injectable()
export class EventsStore {
  constructor(private readonly database: DataSource) {}

  /** Appends a batch; an event that is there already (same id and time) is left out. */
  async append(events: readonly RecordedEvent[]): Promise<Kept> {
    return this.database.transaction(async (db) => {
      const [heads]: [{ seq: string }[], number] = await db.query(
        `UPDATE monitor.event_head SET seq = seq + $1 RETURNING seq`,
        [events.length],
      );
      const head = Number(heads[0]?.seq);
      const previous = head - events.length;
      const column = (pick: (event: RecordedEvent) => unknown) => events.map((event) => pick(event) ?? null);
      const rows: Row[] = await db.query(INSERT, [
        previous,
        column(({ id }) => id),
        column(({ at }) => at),
        column(({ type }) => type),
        column(({ server }) => server),
        column(({ subject }) => subject),
        column(({ actor }) => actor),
        column(({ data }) => data && JSON.stringify(data)),
      ]);
      return { previous, head, items: rows.map(toEvent).sort((a, b) => a.seq - b.seq) };
    });
  }

  /** Newest first. */
  async list({ cursor, limit, from, to, topics, ...equal }: EventsQuery): Promise<Page<MonitorEvent>> {
    const values: unknown[] = [];
    const where = ['true'];
    const add = (condition: string, value: unknown) => {
      if (value !== undefined) where.push(condition.replace('?', `$${values.push(value)}`));
    };
    add('seq < ?::bigint', cursor === undefined ? undefined : decodeCursor(cursor, /^\d{1,15}$/));
    add('at >= ?', from);
    add('at < ?', to);
    add('topic = ANY(?::text[])', topics);
    for (const [column, value] of Object.entries(equal)) add(`${column} = ?`, value);
    const rows: Row[] = await this.database.query(
      `SELECT * FROM monitor.event WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT ${limit + 1}`,
      values,
    );
    return toPage(rows.map(toEvent), limit, ({ seq }) => String(seq));
  }

  /** Where the kept events begin and end. */
  async bounds(): Promise<{ oldest: number | null; head: number }> {
    const rows: { head: string; oldest: string | null }[] = await this.database.query(
      `SELECT seq AS head, (SELECT min(seq) FROM monitor.event) AS oldest FROM monitor.event_head`,
    );
    const { head = '0', oldest = null } = rows[0] ?? {};
    return { head: Number(head), oldest: oldest === null ? null : Number(oldest) };
  }

  /** Oldest first, after one number up to another. */
  async between(after: number, head: number, topics: string[] | undefined, limit: number): Promise<MonitorEvent[]> {
    const rows: Row[] = await this.database.query(
      `SELECT * FROM monitor.event WHERE seq > $1 AND seq <= $2 AND ($3::text[] IS NULL OR topic = ANY($3::text[]))
        ORDER BY seq LIMIT $4`,
      [after, head, topics ?? null, limit],
    );
    return rows.map(toEvent);
  }

  /** How the health of a server changed, oldest first. */
  async healthChanges(server: string): Promise<HealthChange[]> {
    const rows: { at: Date; from: string; to: string }[] = await this.database.query(
      `SELECT at, data->>'from' AS "from", data->>'to' AS "to" FROM monitor.event
        WHERE server = $1 AND type = 'server.healthChanged' ORDER BY at, seq`,
      [server],
    );
    return rows.map(({ at, ...change }) => ({ at: at.getTime(), ...change }));
  }

  /** @returns the names of the partitions that were dropped */
  maintain(keepDays: number): Promise<string[]> {
    return maintainPartitions(this.database, 'event', keepDays);
  }
}

function toEvent({ seq, at, ...row }: Row): MonitorEvent {
  const present = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
  return { ...present, seq: Number(seq), at: (at as Date).toISOString() } as MonitorEvent;
}
