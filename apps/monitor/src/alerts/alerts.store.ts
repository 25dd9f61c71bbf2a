import { Injectable } from '@nestjs/common';
import {
  AppError,
  decodeCursor,
  toPage,
  type Alert,
  type AlertRule,
  type AlertState,
  type NewAlertRule,
  type Page,
  type PageQuery,
} from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { AlertStatus } from './alert-machine';

const UNIQUE_VIOLATION = '23505';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MAX_RULES = 500;

interface RuleRow {
  id: string;
  name: string;
  definition: NewAlertRule;
  created_at: Date;
  updated_at: Date;
}

interface AlertRow {
  rule_id: string;
  key: string;
  labels: Record<string, string>;
  state: AlertState;
  since: Date;
  quiet_since: Date | null;
  value: number | null;
  updated_at: Date;
}

/** Rules and where their alerts stand, in Postgres. */
@Injectable()
export class AlertsStore {
  constructor(private readonly database: DataSource) {}

  async rules({ cursor, limit }: PageQuery): Promise<Page<AlertRule>> {
    const after = cursor === undefined ? '' : decodeCursor(cursor);
    const rows: RuleRow[] = await this.database.query(
      `SELECT * FROM monitor.alert_rule WHERE name > $1 ORDER BY name LIMIT $2`,
      [after, limit + 1],
    );
    return toPage(rows.map(toRule), limit, ({ name }) => name);
  }

  /** @param ref id or name @throws AppError `not_found` */
  async rule(ref: string): Promise<AlertRule> {
    const column = UUID.test(ref) ? 'id' : 'name';
    const rows: RuleRow[] = await this.database.query(`SELECT * FROM monitor.alert_rule WHERE ${column} = $1`, [ref]);
    if (!rows[0]) throw new AppError('not_found', `No alert rule is called "${ref}"`);
    return toRule(rows[0]);
  }

  async addRule(rule: NewAlertRule): Promise<AlertRule> {
    const [{ n = 0 } = {}]: { n?: number }[] = await this.database.query(
      `SELECT count(*)::int AS n FROM monitor.alert_rule`,
    );
    if (n >= MAX_RULES) throw new AppError('limit_exceeded', `At most ${MAX_RULES} alert rules`);
    await refuseTakenName(rule.name, () =>
      this.database.query(`INSERT INTO monitor.alert_rule (id, name, definition) VALUES ($1, $2, $3)`, [
        uuid(),
        rule.name,
        rule,
      ]),
    );
    return this.rule(rule.name);
  }

  /** What the rule told before is forgotten. */
  async replaceRule(ref: string, rule: NewAlertRule): Promise<AlertRule> {
    const { id } = await this.rule(ref);
    await refuseTakenName(rule.name, () =>
      this.database.query(
        `WITH forgotten AS (DELETE FROM monitor.alert WHERE rule_id = $1)
         UPDATE monitor.alert_rule SET name = $2, definition = $3, updated_at = now() WHERE id = $1`,
        [id, rule.name, rule],
      ),
    );
    return this.rule(id);
  }

  async removeRule(ref: string): Promise<void> {
    const { id } = await this.rule(ref);
    await this.database.query(`DELETE FROM monitor.alert_rule WHERE id = $1`, [id]);
  }

  /** Those that fire first, then by the time they entered their state. */
  async alerts({ state, rule }: { state?: AlertState | undefined; rule?: string | undefined }): Promise<Alert[]> {
    const rows: (AlertRow & { definition: NewAlertRule })[] = await this.database.query(
      `SELECT a.*, r.definition FROM monitor.alert a JOIN monitor.alert_rule r ON r.id = a.rule_id
        WHERE ($1::text IS NULL OR a.state = $1) AND ($2::text IS NULL OR r.name = $2)
        ORDER BY array_position(ARRAY['firing', 'pending', 'resolved'], a.state), a.since DESC LIMIT 1000`,
      [state ?? null, rule ?? null],
    );
    return rows.map(({ definition, labels, state: own, since, value, updated_at }) => ({
      rule: definition.name,
      severity: definition.severity,
      description: definition.description,
      labels,
      state: own,
      since: since.toISOString(),
      value,
      threshold: definition.threshold,
      updatedAt: updated_at.toISOString(),
    }));
  }

  /** Where the alerts of a rule stand, by their labels as text. */
  async statuses(ruleId: string): Promise<Map<string, AlertStatus>> {
    const rows: AlertRow[] = await this.database.query(`SELECT * FROM monitor.alert WHERE rule_id = $1`, [ruleId]);
    return new Map(
      rows.map(({ key, state, since, quiet_since }) => [
        key,
        { state, since: since.getTime(), quietSince: quiet_since?.getTime() ?? null },
      ]),
    );
  }

  async keep(
    ruleId: string,
    labels: Record<string, string>,
    status: AlertStatus | undefined,
    value: number | null,
  ): Promise<void> {
    const key = JSON.stringify(labels);
    if (!status) {
      await this.database.query(`DELETE FROM monitor.alert WHERE rule_id = $1 AND key = $2`, [ruleId, key]);
      return;
    }
    const { state, since, quietSince } = status;
    // A rule that was removed meanwhile has no alerts.
    await this.database.query(
      `INSERT INTO monitor.alert (rule_id, key, labels, state, since, quiet_since, value)
       SELECT id, $2, $3, $4, $5, $6, $7 FROM monitor.alert_rule WHERE id = $1
       ON CONFLICT (rule_id, key) DO UPDATE SET state = excluded.state, since = excluded.since,
         quiet_since = excluded.quiet_since, value = excluded.value, updated_at = now()`,
      [ruleId, key, labels, state, new Date(since), quietSince === null ? null : new Date(quietSince), value],
    );
  }
}

async function refuseTakenName(name: string, write: () => Promise<unknown>): Promise<void> {
  await write().catch((cause: unknown) => {
    if ((cause as { driverError?: { code?: string } }).driverError?.code === UNIQUE_VIOLATION)
      throw new AppError('conflict', `An alert rule named "${name}" exists`, { cause });
    throw cause;
  });
}

const toRule = ({ id, definition, created_at, updated_at }: RuleRow): AlertRule => ({
  id,
  ...definition,
  createdAt: created_at.toISOString(),
  updatedAt: updated_at.toISOString(),
});
