import { checkMigrations } from '@mcp-router/platform/testing';
import { MIGRATIONS } from '.';

it('go up, down and up again on data', async () => {
  await checkMigrations({ schema: 'analyzer', entities: [], migrations: MIGRATIONS }, async (database) => {
    await database.query(
      `INSERT INTO analyzer.finding (id, scope, fingerprint, subject, rule_id, level, confidence, message)
       VALUES (gen_random_uuid(), 'server:a', 'f', 'tool', 'r', 'error', 'high', 'm')`,
    );
    await database.query(
      `INSERT INTO analyzer.tool_pin (server, tool, state, approved_hash, approved_definition, approved_by, current_hash, current_definition)
       VALUES ('a', 't', 'approved', 'h', '{}', 'first use', 'h', '{}')`,
    );
  });
});
