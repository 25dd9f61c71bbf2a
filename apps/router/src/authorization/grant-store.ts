import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ENV, LOGGER, openSecretBox, type SecretBox } from '@mcp-router/platform';
import type { Logger } from 'pino';
import { DataSource, type EntityManager } from 'typeorm';
import type { RouterEnv } from '../config';
import type { Grant } from './grant';

interface GrantRow {
  slug: string;
  sealed: string;
}

/** Registrations and tokens of the servers that want them, encrypted; every replica uses the same ones. */
@Injectable()
export class GrantStore {
  constructor(
    private readonly database: DataSource,
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async read(slug: string): Promise<Grant | undefined> {
    return this.load(this.database.manager, slug);
  }

  /**
   * Changes what is held for one server. Others, on all replicas, wait for it: a refresh token that is used twice at once
   * is taken for stolen. What `work` did to the grant is kept also when it throws.
   */
  async change<T>(
    slug: string,
    work: (grant: Grant | undefined, replace: (grant: Grant) => void) => Promise<T>,
  ): Promise<T> {
    const outcome = await this.database.transaction(async (db) => {
      await db.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`router.server_grant:${slug}`]);
      let grant = await this.load(db, slug);
      const replace = (next: Grant): void => void (grant = next);
      const done = await work(grant, replace).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      if (grant) await this.save(db, slug, grant);
      return done;
    });
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** The server for which a sign-in with this `state` was begun. */
  async slugOf(state: string): Promise<string | undefined> {
    const [row] = await this.database.query<GrantRow[]>(`SELECT slug FROM router.server_grant WHERE flow_hash = $1`, [
      hashOf(state),
    ]);
    return row?.slug;
  }

  async remove(slug: string): Promise<void> {
    await this.database.query(`DELETE FROM router.server_grant WHERE slug = $1`, [slug]);
  }

  private async load(db: EntityManager, slug: string): Promise<Grant | undefined> {
    const [row] = await db.query<GrantRow[]>(`SELECT sealed FROM router.server_grant WHERE slug = $1`, [slug]);
    if (!row) return undefined;
    try {
      return JSON.parse((await openSecretBox(this.env)).open(row.sealed, belonging(slug))) as Grant;
    } catch (error) {
      this.logger.error(
        { server: slug, reason: (error as Error).message },
        'the tokens of a server cannot be decrypted',
      );
      return undefined;
    }
  }

  private async save(db: EntityManager, slug: string, grant: Grant): Promise<void> {
    const box = await openSecretBox(this.env);
    await db.query(
      `INSERT INTO router.server_grant (slug, sealed, flow_hash) VALUES ($1, $2, $3)
       ON CONFLICT (slug) DO UPDATE SET sealed = excluded.sealed, flow_hash = excluded.flow_hash, updated_at = now()`,
      [slug, box.seal(JSON.stringify(grant), belonging(slug)), grant.flow ? hashOf(grant.flow.state) : null],
    );
  }
}

/** Encrypts every stored grant with the newest key. */
export async function resealGrants(db: EntityManager, box: SecretBox): Promise<void> {
  const rows = await db.query<GrantRow[]>(`SELECT slug, sealed FROM router.server_grant FOR UPDATE`);
  for (const { slug, sealed } of rows) {
    if (box.isCurrent(sealed)) continue;
    const fresh = box.seal(box.open(sealed, belonging(slug)), belonging(slug));
    await db.query(`UPDATE router.server_grant SET sealed = $2 WHERE slug = $1`, [slug, fresh]);
  }
}

const belonging = (slug: string): string => `grant:${slug}`;

const hashOf = (state: string): string => createHash('sha256').update(state).digest('base64url');
