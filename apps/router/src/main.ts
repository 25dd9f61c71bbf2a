import { boot } from '@mcp-router/platform';
import { AppModule } from './app.module';
import { RouterEnv } from './config';
import { MIGRATIONS } from './migrations';
import { ServerEntity } from './servers/server.entity';

void boot({
  name: 'router',
  env: RouterEnv,
  module: AppModule,
  database: { entities: [ServerEntity], migrations: MIGRATIONS },
});
