import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BusOptions } from '../../bus/bus.module';
import { closedAfterwards } from '../left-open';

const ROOT = join(__dirname, '../../../../..');

export interface ReplicaProcess {
  instanceId: string;
  process: ChildProcess;
}

/** Replicas as processes of their own. The program lies below the workspace, where its packages are found. */
export class ReplicaProcesses {
  private readonly folder: string;
  private readonly children: ChildProcess[] = [];

  constructor() {
    mkdirSync(join(ROOT, 'dist'), { recursive: true });
    this.folder = mkdtempSync(join(ROOT, 'dist/bus-'));
    const entry = join(__dirname, 'replica.child.ts');
    execFileSync(process.execPath, [join(__dirname, 'bundle.mjs'), entry, this.folder], { stdio: 'inherit' });
  }

  async start(options: BusOptions, marksUrl = options.redisUrl): Promise<ReplicaProcess> {
    const child = fork(join(this.folder, 'replica.child.mjs'), [JSON.stringify(options), marksUrl]);
    this.children.push(child);
    const instanceId = await new Promise<string>((resolve, reject) => {
      child.once('message', (id) => resolve(id as string));
      child.once('exit', () => reject(new Error('the replica ended')));
    });
    return { instanceId, process: child };
  }

  readonly close = closedAfterwards(async () => {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    rmSync(this.folder, { recursive: true, force: true });
  });
}

export interface PrivateRedis {
  url: string;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

interface Infra {
  startRedis(options: object): Promise<{ url: string; stop(options?: object): Promise<void> }>;
}

/** A Redis that no other test uses. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const { startRedis } = (await import(join(ROOT, 'tools/infra/redis.mjs'))) as Infra;
  const folder = mkdtempSync(join(tmpdir(), 'mcp-router-bus-'));
  const memory = {};
  const start = () => startRedis({ folder, memory, remember: () => undefined, volatile: true });
  let server = await start();
  return {
    url: server.url,
    kill: () => server.stop({ signal: 'SIGKILL' }),
    restart: async () => {
      server = await start();
    },
    close: closedAfterwards(async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }),
  };
}
