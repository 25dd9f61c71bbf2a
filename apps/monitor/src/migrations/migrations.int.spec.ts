import { checkMigrations } from '@mcp-router/platform/testing';
import { MIGRATIONS } from '.';

it('go up, down and up again on data', async () => {
  await checkMigrations({ schema: 'monitor', entities: [], migrations: MIGRATIONS }, async (database) => {
    await database.query(
      `INSERT INTO monitor.call (id, at, request_id, agent_id, agent, endpoint, method, outcome, duration_ms, request_bytes, response_bytes)
       VALUES (gen_random_uuid(), now(), 'r', gen_random_uuid(), 'a', '/mcp', 'tools/call', 'ok', 1, 2, 3)`,
    );
  });
});
