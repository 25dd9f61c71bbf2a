import { checkMigrations } from '@mcp-router/platform/testing';
import { newAgent, newKey } from '../access/access.service';
import { AgentEntity } from '../access/agent.entity';
import { ApiKeyEntity } from '../access/api-key.entity';
import { FlagOverrideEntity } from '../flags/flag-override.entity';
import { MIGRATIONS } from '.';

it('go up, down and up again on data, and agree with the entities', async () => {
  const entities = [AgentEntity, ApiKeyEntity, FlagOverrideEntity];
  await checkMigrations({ schema: 'gateway', entities, migrations: MIGRATIONS }, async (database) => {
    const agent = await database.manager.save(newAgent('a', '', 'member'));
    await database.manager.save(newKey(agent.id, 'k', 'secret', null));
    await database.manager.save(
      Object.assign(new FlagOverrideEntity(), { name: 'X', enabled: true, updatedAt: new Date() }),
    );
  });
});
