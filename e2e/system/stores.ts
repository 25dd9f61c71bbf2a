import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export interface Stores {
  DATABASE_URL: string;
  REDIS_URL: string;
  REDIS_PREFIX: string;
  /** Removes the database and every key. */
  drop(): Promise<void>;
}

/** A database and a key prefix of one's own on the run's Postgres and Redis. */
export async function createStores(): Promise<Stores> {
  const { DATABASE_URL: postgres, REDIS_URL: redis } = process.env;
  if (!postgres || !redis) throw new Error('DATABASE_URL and REDIS_URL must name servers for throw-away data');
  const name = `e2e_${randomBytes(6).toString('hex')}`;
  await inPostgres(postgres, `CREATE DATABASE ${name}`);
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  const prefix = `${name}:`;
  return {
    DATABASE_URL: url.href,
    REDIS_URL: redis,
    REDIS_PREFIX: prefix,
    async drop() {
      await Promise.all([
        inPostgres(postgres, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
        dropKeys(redis, `${prefix}*`),
      ]);
    },
  };
}

async function inPostgres(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function dropKeys(url: string, pattern: string): Promise<void> {
  const redis = new Redis(url);
  try {
    for await (const keys of redis.scanStream({ match: pattern, count: 1000 }) as AsyncIterable<string[]>)
      if (keys.length > 0) await redis.unlink(...keys);
  } finally {
    redis.disconnect();
  }
}
