import { boot } from '@mcp-router/platform';
import { AppModule, ENTITIES } from './app.module';
import { GatewayEnv } from './config';
import { openDoor } from './http/door';
import { MIGRATIONS } from './migrations';

void boot({
  name: 'gateway',
  env: GatewayEnv,
  module: AppModule,
  database: { entities: ENTITIES, migrations: MIGRATIONS },
  start: openDoor,
});
