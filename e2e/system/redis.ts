import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { closedAfterwards } from '../../libs/platform/src/testing/left-open';
import { ROOT } from './service';

interface Infra {
  startRedis(options: object): Promise<{ url: string; isRunning(): boolean; stop(): Promise<void> }>;
}

/** A Redis of one's own that writes to disk as the launcher's does, to be ended and started again. */
export interface PrivateRedis {
  url: string;
  /** Ends it with a signal and starts it again on the same port and data. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  close(): Promise<void>;
}

export async function startPrivateRedis(): Promise<PrivateRedis> {
  const { startRedis } = (await import(join(ROOT, 'tools/infra/redis.mjs'))) as Infra;
  const folder = await mkdtemp(join(tmpdir(), 'mcp-router-redis-'));
  const memory = {};
  const start = () => startRedis({ folder, memory, remember: () => undefined });
  let server = await start();
  return {
    url: server.url,
    async restart(signal) {
      const connection = new Redis(server.url);
      const [, pid] = /process_id:(\d+)/.exec(await connection.info('server')) ?? [];
      connection.disconnect();
      process.kill(Number(pid), signal);
      while (server.isRunning()) await new Promise((resolve) => setTimeout(resolve, 20));
      server = await start();
    },
    close: closedAfterwards(async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }),
  };
}
