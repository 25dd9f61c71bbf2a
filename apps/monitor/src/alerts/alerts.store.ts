import { Injectable } from '@nestjs/common';
import { refuseTaken } from '@mcp-router/platform';
import {
  AppError,
  startAfter,
  NewAlertRule,
  toPage,
  UUID_KEY,
  type Alert,
  type AlertRule,
  type AlertState,
  type Page,
  type PageQuery,
} from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { AlertStatus } from './alert-machine';
import type { Firing } from './muting';

const MAX_RULES = 500;

interface RuleRow {
  id: string;
  name: string;
  definition: NewAlertRule;
  created_at: Date;
  updated_at: Date;
}

interface AlertRow {
  id: string;
  rule_id: string;
  key: string;
  labels: Record<string, string>;
  state: AlertState;
  since: Date;
  quiet_since: Date | null;
  value: number | null;
  muted: Alert['muted'];
  notified: boolean;
  acknowledged_by: string | null;
  acknowledged_at: Date | null;
  updated_at: Date;
}

/** One alert between two evaluations. */
export interface Standing {
  status: AlertStatus;
  /** Whether notifiers were sent that it fires. */
  notified: boolean;
}

/** Rules and where their alerts stand, in Postgres. */
@Injectable()
export class AlertsStore {
  constructor(private readonly database: DataSource) {}

  async rules({ cursor, limit }: PageQuery): Promise<Page<AlertRule>> {
    const after = startAfter(cursor);
    const rows: RuleRow[] = await this.database.query(
      `SELECT * FROM monitor.alert_rule WHERE name > $1 ORDER BY name LIMIT $2`,
      [after, limit + 1],
    );
    return toPage(rows.map(toRule), limit, ({ name }) => name);
  }

  /** @param ref id or name @throws AppError `not_found` */
  async rule(ref: string): Promise<AlertRule> {
    const column = UUID_KEY.test(ref) ? 'id' : 'name';
    const rows: RuleRow[] = await this.database.query(`SELECT * FROM monitor.alert_rule WHERE ${column} = $1`, [ref]);
    if (!rows[0]) throw new AppError('not_found', `No alert rule is called "${ref}"`);
    return toRule(rows[0]);
  }

  async addRule(rule: NewAlertRule): Promise<AlertRule> {
    const [{ n = 0 } = {}]: { n?: number }[] = await this.database.query(
      `SELECT count(*)::int AS n FROM monitor.alert_rule`,
    );
    if (n >= MAX_RULES) throw new AppError('limit_exceeded', `At most ${MAX_RULES} alert rules`);
    await this.database
      .query(`INSERT INTO monitor.alert_rule (id, name, definition) VALUES ($1, $2, $3)`, [uuid(), rule.name, rule])
      .catch(refuseTaken(taken(rule.name)));
    return this.rule(rule.name);
  }

  /** What the rule told before is forgotten. */
  async replaceRule(ref: string, rule: NewAlertRule): Promise<AlertRule> {
    const { id } = await this.rule(ref);
    await this.database
      .query(
        `WITH forgotten AS (DELETE FROM monitor.alert WHERE rule_id = $1)
         UPDATE monitor.alert_rule SET name = $2, definition = $3, updated_at = now() WHERE id = $1`,
        [id, rule.name, rule],
      )
      .catch(refuseTaken(taken(rule.name)));
    return this.rule(id);
  }

  async removeRule(ref: string): Promise<void> {
    const { id } = await this.rule(ref);
    await this.database.query(`DELETE FROM monitor.alert_rule WHERE id = $1`, [id]);
  }

  /** Those that fire first, then by the time they entered their state. */
  async alerts({ state, rule }: { state?: AlertState | undefined; rule?: string | undefined }): Promise<Alert[]> {
    const rows: ShownRow[] = await this.database.query(
      `${SHOWN}
        WHERE ($1::text IS NULL OR a.state = $1) AND ($2::text IS NULL OR r.name = $2)
        ORDER BY array_position(ARRAY['firing', 'pending', 'resolved'], a.state), a.since DESC LIMIT 1000`,
      [state ?? null, rule ?? null],
    );
    return rows.map(toAlert);
  }

  /** Every alert that fires. */
  async firing(): Promise<Firing[]> {
    return (await this.alerts({ state: 'firing' })).map(({ rule, labels }) => ({ rule, labels }));
  }

  /** Notes that somebody looks after an alert. @throws AppError `not_found`, `conflict` when it is not wrong any more */
  async acknowledge(id: string, by: string): Promise<Alert> {
    if (!UUID_KEY.test(id)) throw unknownAlert(id);
    await this.database.query(
      `UPDATE monitor.alert SET acknowledged_by = $2, acknowledged_at = now() WHERE id = $1 AND state <> 'resolved'`,
      [id, by],
    );
    const rows: ShownRow[] = await this.database.query(`${SHOWN} WHERE a.id = $1`, [id]);
    if (!rows[0]) throw unknownAlert(id);
    if (rows[0].state === 'resolved') throw new AppError('conflict', 'The alert is resolved');
    return toAlert(rows[0]);
  }

  /** Where the alerts of a rule stand, by their labels as text. */
  async standings(ruleId: string): Promise<Map<string, Standing>> {
    const rows: AlertRow[] = await this.database.query(`SELECT * FROM monitor.alert WHERE rule_id = $1`, [ruleId]);
    return new Map(
      rows.map(({ key, state, since, quiet_since, notified }) => [
        key,
        { status: { state, since: since.getTime(), quietSince: quiet_since?.getTime() ?? null }, notified },
      ]),
    );
  }

  /** Stores where an alert stands; without a standing it is forgotten. An acknowledgement ends when it fires anew. */
  async keep(
    ruleId: string,
    labels: Record<string, string>,
    standing: (Standing & Pick<Alert, 'value' | 'muted'>) | undefined,
  ): Promise<void> {
    const key = JSON.stringify(labels);
    if (!standing) {
      await this.database.query(`DELETE FROM monitor.alert WHERE rule_id = $1 AND key = $2`, [ruleId, key]);
      return;
    }
    const { status, notified, value, muted } = standing;
    const quietSince = status.quietSince === null ? null : new Date(status.quietSince);
    // A rule that was removed meanwhile has no alerts.
    await this.database.query(
      `INSERT INTO monitor.alert AS a (rule_id, key, labels, state, since, quiet_since, value, muted, notified)
       SELECT id, $2, $3, $4, $5, $6, $7, $8, $9 FROM monitor.alert_rule WHERE id = $1
       ON CONFLICT (rule_id, key) DO UPDATE SET state = excluded.state, since = excluded.since,
         quiet_since = excluded.quiet_since, value = excluded.value, muted = excluded.muted,
         notified = excluded.notified, updated_at = now(),
         acknowledged_by = CASE WHEN a.state = 'resolved' AND excluded.state <> 'resolved' THEN NULL ELSE a.acknowledged_by END,
         acknowledged_at = CASE WHEN a.state = 'resolved' AND excluded.state <> 'resolved' THEN NULL ELSE a.acknowledged_at END`,
      [ruleId, key, labels, status.state, new Date(status.since), quietSince, value, muted, notified],
    );
  }
}

type ShownRow = AlertRow & { definition: NewAlertRule };

const SHOWN = `SELECT a.*, r.definition FROM monitor.alert a JOIN monitor.alert_rule r ON r.id = a.rule_id`;

const toAlert = ({ definition, ...row }: ShownRow): Alert => ({
  id: row.id,
  rule: definition.name,
  severity: definition.severity,
  description: definition.description,
  labels: row.labels,
  state: row.state,
  since: row.since.toISOString(),
  value: row.value,
  threshold: definition.threshold,
  muted: row.muted,
  acknowledgedBy: row.acknowledged_by,
  acknowledgedAt: row.acknowledged_at?.toISOString() ?? null,
  updatedAt: row.updated_at.toISOString(),
});

const unknownAlert = (id: string) => new AppError('not_found', `No alert has the id "${id}"`);

const taken = (name: string) => `An alert rule named "${name}" exists`;

/** A definition that an older release stored has the defaults of fields that came later. */
const toRule = ({ id, definition, created_at, updated_at }: RuleRow): AlertRule => ({
  id,
  ...NewAlertRule.parse(definition),
  createdAt: created_at.toISOString(),
  updatedAt: updated_at.toISOString(),
});
