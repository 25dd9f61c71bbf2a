import { boot } from '@mcp-router/platform';
import { AppModule } from './app.module';
import { DiscoveryEnv } from './config';
import { MIGRATIONS } from './migrations';

void boot({
  name: 'discovery',
  env: DiscoveryEnv,
  module: AppModule,
  database: { entities: [], migrations: MIGRATIONS },
});
