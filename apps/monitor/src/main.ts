import { boot } from '@mcp-router/platform';
import { AppModule } from './app.module';
import { MonitorEnv } from './config';
import { MIGRATIONS } from './migrations';

void boot({ name: 'monitor', env: MonitorEnv, module: AppModule, database: { entities: [], migrations: MIGRATIONS } });
