import { checkMigrations } from '@mcp-router/platform/testing';
import { MIGRATIONS } from '.';

it('go up, down and up again on data', async () => {
  await checkMigrations({ schema: 'discovery', entities: [], migrations: MIGRATIONS }, async (database) => {
    await database.query(
      `INSERT INTO discovery.server_health (server, server_id, health, state, next_probe_at) VALUES ('a', '1', '{}', 'unknown', now())`,
    );
    await database.query(
      `INSERT INTO discovery.health_sample (server, at, via, ok, state) VALUES ('a', now(), 'probe', true, 'healthy')`,
    );
    const [source, candidate] = ['018f0000-0000-7000-8000-000000000001', '018f0000-0000-7000-8000-000000000002'];
    await database.query(
      `INSERT INTO discovery.source (id, name, type, settings, policy, enabled) VALUES ($1, 's', 'urls', '{}', 'manual', true)`,
      [source],
    );
    await database.query(
      `INSERT INTO discovery.candidate (id, identity, name, kind, endpoint, labels, health) VALUES ($1, 'i', 'n', 'http', '{}', '{}', '{}')`,
      [candidate],
    );
    await database.query(
      `INSERT INTO discovery.provenance (source_id, key, candidate_id, sighting, first_seen_at, last_seen_at)
       VALUES ($1, 'k', $2, '{}', now(), now())`,
      [source, candidate],
    );
    await database.query(`INSERT INTO discovery.rejection (identity) VALUES ('i')`);
    await database.query(`INSERT INTO discovery.leader (instance) VALUES ('discovery-1')`);
  });
});
