import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { Bus, ENV, isUniqueViolation, LOGGER, type Stop } from '@mcp-router/platform';
import {
  AppError,
  callBodiesRecorded,
  callRecorded,
  decodeCursor,
  Instant,
  toPage,
  type CallBodies,
  type CallDetails,
  type CallRecord,
  type CallsQuery,
  type Page,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import type { MonitorEnv } from '../config';
import { maintainPartitions } from '../storage/partitions';
import { Upkeep } from '../storage/upkeep';

/**
 * What a monitor that was killed had at work, another takes over after ten seconds. Calls gather for a fifth of a second:
 * many in one statement cost a fraction of what they cost one by one.
 */
const QUICK = { claimAfterMs: 10_000, lingerMs: 200 };
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

type Column = [column: string, type: string, field: keyof CallRecord];

/** Column, its Postgres type, and where its value comes from: the one list behind insert and select. */
const OWN: Column[] = [
  ['id', 'uuid', 'id'],
  ['at', 'timestamptz', 'at'],
  ['request_id', 'text', 'requestId'],
  ['trace_id', 'text', 'traceId'],
  ['arguments_hash', 'text', 'argumentsHash'],
  ['duration_ms', 'double precision', 'durationMs'],
  ['upstream_ms', 'double precision', 'upstreamMs'],
  ['request_bytes', 'bigint', 'requestBytes'],
  ['response_bytes', 'bigint', 'responseBytes'],
];
/** What calls that follow each other mostly have in common: it is sent once for all of a run. */
const ALIKE: Column[] = [
  ['agent_id', 'uuid', 'agentId'],
  ['agent', 'text', 'agent'],
  ['key_id', 'uuid', 'keyId'],
  ['endpoint', 'text', 'endpoint'],
  ['method', 'text', 'method'],
  ['server', 'text', 'server'],
  ['tool', 'text', 'tool'],
  ['decision', 'text', 'decision'],
  ['outcome', 'text', 'outcome'],
  ['error_code', 'text', 'errorCode'],
];
const COLUMNS = [...OWN, ...ALIKE];

const namesOf = (columns: readonly Column[]): string => columns.map(([column]) => column).join(', ');
const arraysOf = (columns: readonly Column[], from: number): string =>
  columns.map(([, type], i) => `$${from + i}::${type}[]`).join(', ');

const INSERT = `INSERT INTO monitor.call (${namesOf(COLUMNS)}) SELECT ${namesOf(COLUMNS)}
  FROM unnest(${arraysOf(OWN, 1)}, $${OWN.length + 1}::int[]) AS own (${namesOf(OWN)}, run)
  JOIN unnest(${arraysOf(ALIKE, OWN.length + 2)}) WITH ORDINALITY AS alike (${namesOf(ALIKE)}, run) USING (run)`;

type Row = Record<string, unknown>;

/** The call log: what routers record arrives over a Redis Stream, is stored once, and can be asked for. */
@Injectable()
export class CallsService implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private stops: Stop[] = [];
  private readonly upkeep: Upkeep;

  constructor(
    private readonly bus: Bus,
    private readonly database: DataSource,
    @Inject(ENV) private readonly env: MonitorEnv,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.upkeep = new Upkeep('the call log', () => this.maintain(), logger);
  }

  async onModuleInit(): Promise<void> {
    await this.upkeep.start();
  }

  onApplicationBootstrap(): void {
    this.stops = [
      this.bus.consume(callRecorded, 'monitor', (entries) => this.store(entries.map(({ payload }) => payload)), QUICK),
      this.bus.consume(
        callBodiesRecorded,
        'monitor',
        (entries) => this.storeBodies(entries.map(({ payload }) => payload)),
        QUICK,
      ),
    ];
  }

  async onApplicationShutdown(): Promise<void> {
    this.upkeep.stop();
    await Promise.all(this.stops.map((stop) => stop()));
  }

  /** Stores a batch in one statement. A call that comes again (same id and time) is stored once. */
  async store(calls: CallRecord[]): Promise<void> {
    const { firsts, runs } = runsOf(calls);
    const values = (columns: readonly Column[], of: readonly CallRecord[]): unknown[][] =>
      columns.map(([, , field]) => of.map((call) => call[field] ?? null));
    const parameters = [...values(OWN, calls), runs, ...values(ALIKE, firsts)];
    try {
      await this.database.query(INSERT, parameters);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      // To look for such calls each time takes Postgres a fifth longer, and they come only after a monitor was killed.
      await this.database.query(`${INSERT} ON CONFLICT DO NOTHING`, parameters);
    }
  }

  async storeBodies(bodies: CallBodies[]): Promise<void> {
    const column = (field: keyof CallBodies) => bodies.map((body) => body[field] ?? null);
    await this.database.query(
      `INSERT INTO monitor.call_body (id, at, request, response)
       SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING`,
      [column('id'), column('at'), column('request'), column('response')],
    );
  }

  /** One call with what is kept of its bodies. @param agent only if it is of this one @throws AppError `not_found` */
  async get(id: string, agent?: string): Promise<CallDetails> {
    const rows: Row[] = !UUID_V7.test(id)
      ? []
      : await this.database.query(
          // The id tells the time to the millisecond, so that one partition is read.
          `SELECT c.*, b.request, b.response FROM monitor.call c
             LEFT JOIN monitor.call_body b ON b.id = c.id AND b.at = c.at
            WHERE c.id = $1 AND c.at BETWEEN $2::timestamptz - interval '5 s' AND $2::timestamptz + interval '5 s'
              AND ($3::text IS NULL OR c.agent = $3)`,
          [id, new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toISOString(), agent ?? null],
        );
    const [row] = rows;
    if (!row) throw new AppError('not_found', `No call has the id "${id}"`);
    const bodies = Object.fromEntries(
      (['request', 'response'] as const).flatMap((name) => (row[name] === null ? [] : [[name, row[name]]])),
    );
    return { ...toCall(row), ...bodies };
  }

  async list({ cursor, limit, from, to, minDurationMs, ...filters }: CallsQuery): Promise<Page<CallRecord>> {
    const values: unknown[] = [];
    const where = ['true'];
    const add = (condition: string, ...given: unknown[]) => {
      where.push(condition.replace(/\?/g, () => `$${values.push(given.shift())}`));
    };
    if (cursor !== undefined) add('(at, id) < (?::timestamptz, ?::uuid)', ...readCursor(cursor));
    if (from !== undefined) add('at >= ?', from);
    if (to !== undefined) add('at < ?', to);
    if (minDurationMs !== undefined) add('duration_ms >= ?', minDurationMs);
    for (const [column, , field] of COLUMNS) {
      const wanted = (filters as Row)[field];
      if (wanted !== undefined) add(`${column} = ?`, wanted);
    }
    const rows: Row[] = await this.database.query(
      `SELECT ${namesOf(COLUMNS)} FROM monitor.call
        WHERE ${where.join(' AND ')} ORDER BY at DESC, id DESC LIMIT ${limit + 1}`,
      values,
    );
    return toPage(rows.map(toCall), limit, ({ at, id }) => `${at}|${id}`);
  }

  private async maintain(): Promise<string[]> {
    const { CALL_RETENTION_DAYS: days, CALL_BODY_RETENTION_DAYS: bodyDays } = this.env;
    return [
      ...(await maintainPartitions(this.database, 'call', days)),
      ...(await maintainPartitions(this.database, 'call_body', Math.min(days, bodyDays))),
    ];
  }
}

/** The first call of each run of calls that are alike, and for each call the number of its run, from 1. */
function runsOf(calls: readonly CallRecord[]): { firsts: CallRecord[]; runs: number[] } {
  const firsts: CallRecord[] = [];
  const runs = calls.map((call) => {
    const first = firsts.at(-1);
    if (!first || ALIKE.some(([, , field]) => call[field] !== first[field])) firsts.push(call);
    return firsts.length;
  });
  return { firsts, runs };
}

function readCursor(cursor: string): string[] {
  const isKey = (key: string): boolean => {
    const [at = '', id = ''] = key.split('|');
    return Instant.safeParse(at).success && UUID_V7.test(id);
  };
  return decodeCursor(cursor, isKey).split('|');
}

function toCall(row: Row): CallRecord {
  const call: Row = {};
  for (const [column, type, field] of COLUMNS) {
    const value = row[column];
    if (value === null || value === undefined) continue;
    call[field] = value instanceof Date ? value.toISOString() : type === 'bigint' ? Number(value) : value;
  }
  return call as unknown as CallRecord;
}
