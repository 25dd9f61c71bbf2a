import { createServer, type Server } from 'node:http';
import { Injectable } from '@nestjs/common';

/** Says whether one thing that the app needs works: resolves, or rejects with the reason. */
export type HealthCheck = () => Promise<void>;

export interface HealthReport {
  status: 'ok' | 'unavailable';
  /** `ok`, or the reason why not, by dependency. */
  checks: Record<string, string>;
}

const CHECK_TIMEOUT_MS = 2_000;

/** The checks behind `/health/ready`; modules add theirs. Live means the process answers, ready that it can do its work. */
@Injectable()
export class Health {
  private readonly checks = new Map<string, HealthCheck>();
  private stopping = false;

  add(name: string, check: HealthCheck): void {
    this.checks.set(name, check);
  }

  /** From now on not ready: load balancers send nothing new while what is in flight finishes. */
  stop(): void {
    this.stopping = true;
  }

  async ready(): Promise<HealthReport> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await outcome(check)] as const),
    );
    const checks = Object.fromEntries(results);
    if (this.stopping) checks['process'] = 'stopping';
    return { status: Object.values(checks).every((result) => result === 'ok') ? 'ok' : 'unavailable', checks };
  }
}

async function outcome(check: HealthCheck): Promise<string> {
  const timeout = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  try {
    await Promise.race([
      check(),
      new Promise((_, reject) => timeout.addEventListener('abort', () => reject(new Error('no answer in time')))),
    ]);
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Serves the probes of an app that has no HTTP door of its own. */
export async function serveHealth(health: Health, { port, host }: { port: number; host: string }): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const send = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    if (path === '/health/live') send(200, 'application/json', '{"status":"ok"}');
    else if (path === '/health/ready') {
      void health
        .ready()
        .then((report) => send(report.status === 'ok' ? 200 : 503, 'application/json', JSON.stringify(report)));
    } else send(404, 'application/json', '{"status":"not_found"}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}
