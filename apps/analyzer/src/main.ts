import { boot } from '@mcp-router/platform';
import { AppModule } from './app.module';
import { AnalyzerEnv } from './config';
import { MIGRATIONS } from './migrations';

void boot({
  name: 'analyzer',
  env: AnalyzerEnv,
  module: AppModule,
  database: { entities: [], migrations: MIGRATIONS },
});
