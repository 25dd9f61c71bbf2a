import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Bus, BusModule, recordEvent } from '@mcp-router/platform';
import { NestFactory } from '@nestjs/core';
import { startServices } from '../mcp/services.mjs';
import { quantile, type Row } from './row';

const CLIENTS = 100;
const PER_SECOND = 1_000;
const SECONDS = 10;
const WARM_UP_SECONDS = 3;
const TICK_MS = 4;

/** What the process that reads the streams is told, and tells. */
interface Task {
  url: string;
  headers: Record<string, string>;
  from: number;
}
interface Outcome {
  latencies: number[];
  received: number;
  gaps: number;
}

const now = (): number => performance.timeOrigin + performance.now();

/** 1,000 events a second, from the record by a service to each of 100 clients of the gateway's event stream. */
export async function measureStream(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-router-bench-'));
  const services = await startServices({}, folder);
  const app = await NestFactory.createApplicationContext(
    BusModule.forRoot({ app: 'bench', redisUrl: process.env['REDIS_URL'] ?? '' }),
    { logger: false },
  );
  const bus = app.get(Bus);
  const reader = fork(process.argv[1] ?? '');
  const heard = (type: string): Promise<{ type: string; outcome: Outcome }> =>
    new Promise((resolve) => {
      const take = (message: { type: string; outcome: Outcome }): void => {
        if (message.type !== type) return;
        reader.off('message', take);
        resolve(message);
      };
      reader.on('message', take);
    });
  const connected = heard('connected');
  const from = now() + WARM_UP_SECONDS * 1000 + 1500;
  reader.send({ url: services.url, headers: services.headers, from } satisfies Task);
  await connected;
  const total = await tell(bus, from + SECONDS * 1000);
  await sleep(1_500);
  const outcome = heard('outcome');
  reader.send('end');
  const { latencies, received, gaps } = (await outcome).outcome;
  reader.disconnect();
  await app.close();
  await services.stop();
  rmSync(folder, { recursive: true, force: true });
  const at = (q: number): number => quantile(latencies, q);
  return [
    { what: 'stream: event → SSE client, p99', value: at(0.99), unit: 'ms', atMost: 50 },
    { what: 'stream: the same, p50', value: at(0.5), unit: 'ms' },
    { what: 'stream: the same, slowest', value: at(1), unit: 'ms' },
    { what: 'stream: events that a client missed', value: total * CLIENTS - received, unit: '', atMost: 0 },
    { what: 'stream: gaps', value: gaps, unit: '', atMost: 0 },
  ];
}

/** Records events at an even pace. @returns how many */
async function tell(bus: Bus, until: number): Promise<number> {
  const startedAt = now();
  let told = 0;
  for (let at = startedAt; at < until; at = now()) {
    for (const due = ((at - startedAt) / 1000) * PER_SECOND; told < due; told++)
      recordEvent(bus, 'server.changed', { server: `server-${told % 20}`, data: { sentAt: now() } });
    await sleep(TICK_MS);
  }
  return told;
}

/** The process of the clients: reads 100 streams and times what was sent after the warm-up. */
export async function readStreams(): Promise<void> {
  const outcome: Outcome = { latencies: [], received: 0, gaps: 0 };
  const task = await new Promise<Task>((resolve) => process.once('message', (message) => resolve(message as Task)));
  const streams = await Promise.all(Array.from({ length: CLIENTS }, () => open(task)));
  for (const stream of streams) follow(stream, task.from, outcome);
  process.once('message', () => process.send?.({ type: 'outcome', outcome }));
  process.once('disconnect', () => process.exit(0));
  process.send?.({ type: 'connected' });
}

function open({ url, headers }: Task): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}/api/v1/stream?topic=server`, { headers, agent: false }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`the stream answered ${response.statusCode}`));
    });
    request.once('error', reject);
  });
}

function follow(stream: IncomingMessage, from: number, outcome: Outcome): void {
  let rest = '';
  stream.setEncoding('latin1').on('data', (chunk: string) => {
    const text = rest + chunk;
    const end = text.lastIndexOf('\n\n');
    const at = now();
    for (const [, sentAt] of text.slice(0, end + 1).matchAll(/"sentAt":([\d.]+)/g)) {
      outcome.received++;
      if (Number(sentAt) >= from) outcome.latencies.push(at - Number(sentAt));
    }
    if (text.slice(0, end + 1).includes('event: gap')) outcome.gaps++;
    rest = end < 0 ? text : text.slice(end + 2);
  });
}
