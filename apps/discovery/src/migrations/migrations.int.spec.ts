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
  });
});
