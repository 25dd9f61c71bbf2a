import { Inject, Injectable } from '@nestjs/common';
import { ENV, LOGGER, openSecretBox, type SecretBox } from '@mcp-router/platform';
import { AppError, type Secret } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource, type EntityManager } from 'typeorm';
import type { RouterEnv } from '../config';

interface SecretRow {
  name: string;
  sealed: string;
  created_at: Date;
  updated_at: Date;
}

const MAX_BYTES = 65_536;

/** Secrets of workflows, encrypted like those of servers. Their values leave it only into the memory of a run. */
@Injectable()
export class SecretStore {
  constructor(
    private readonly database: DataSource,
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async list(): Promise<Secret[]> {
    const rows = await this.database.query<SecretRow[]>(
      `SELECT name, created_at, updated_at FROM router.secret ORDER BY name`,
    );
    return rows.map(toView);
  }

  async names(): Promise<Set<string>> {
    const rows = await this.database.query<{ name: string }[]>(`SELECT name FROM router.secret`);
    return new Set(rows.map(({ name }) => name));
  }

  /** @throws AppError `payload_too_large` */
  async put(name: string, value: unknown): Promise<Secret & { isNew: boolean }> {
    const text = JSON.stringify(value);
    if (Buffer.byteLength(text) > MAX_BYTES)
      throw new AppError('payload_too_large', `A secret has at most ${MAX_BYTES} bytes`);
    const box = await openSecretBox(this.env);
    const [row] = await this.database.query<(SecretRow & { is_new: boolean })[]>(
      `INSERT INTO router.secret (name, sealed) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated_at = now()
       RETURNING name, created_at, updated_at, xmax = 0 AS is_new`,
      [name, box.seal(text, belonging(name))],
    );
    if (!row) throw new Error('A secret was not stored');
    return { ...toView(row), isNew: row.is_new };
  }

  /** @throws AppError `not_found` */
  async remove(name: string): Promise<void> {
    const [rows] = await this.database.query<[unknown[], number]>(
      `DELETE FROM router.secret WHERE name = $1 RETURNING name`,
      [name],
    );
    if (rows.length === 0) throw new AppError('not_found', `There is no secret "${name}"`);
  }

  /** The values of those that are there and can be read. */
  async values(names: readonly string[]): Promise<Record<string, unknown>> {
    if (names.length === 0) return {};
    const rows = await this.database.query<SecretRow[]>(
      `SELECT name, sealed FROM router.secret WHERE name = ANY($1::text[])`,
      [names],
    );
    const box = await openSecretBox(this.env);
    const values: Record<string, unknown> = {};
    for (const { name, sealed } of rows)
      try {
        values[name] = JSON.parse(box.open(sealed, belonging(name)));
      } catch (error) {
        this.logger.error({ secret: name, reason: (error as Error).message }, 'a secret cannot be decrypted');
      }
    return values;
  }
}

/** Encrypts every secret of workflows with the newest key. */
export async function resealSecrets(db: EntityManager, box: SecretBox): Promise<void> {
  const rows = await db.query<SecretRow[]>(`SELECT name, sealed FROM router.secret FOR UPDATE`);
  for (const { name, sealed } of rows) {
    if (box.isCurrent(sealed)) continue;
    const fresh = box.seal(box.open(sealed, belonging(name)), belonging(name));
    await db.query(`UPDATE router.secret SET sealed = $2 WHERE name = $1`, [name, fresh]);
  }
}

/** What a sealed text is bound to; servers' are bound to ids, which never look like this. */
function belonging(name: string): string {
  return `secret:${name}`;
}

function toView({ name, created_at: createdAt, updated_at: updatedAt }: SecretRow): Secret {
  return { name, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
