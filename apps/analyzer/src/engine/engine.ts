import { join } from 'node:path';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ENV } from '@mcp-router/platform';
import type { AnalyzerEnv } from '../config';
import { EnginePool } from './pool';

/** The service's pool of children; the child's script lies beside the built service. */
@Injectable()
export class Engine extends EnginePool implements OnApplicationShutdown {
  constructor(@Inject(ENV) env: AnalyzerEnv) {
    super({
      script: join(__dirname, 'engine.child.mjs'),
      size: env.ANALYZER_WORKERS,
      maxRssMb: env.ANALYZER_WORKER_MB,
    });
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
  }
}
