/*
 * `npm run bench -- bus [seconds per cell, 1.5] [rounds, 5]`: round trips over the bus beside Nest's stock Redis
 * transport, same Redis, same run, rounds in turn. Server, client and Redis are processes of their own.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { Controller, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  MessagePattern,
  Payload,
  Transport,
  type AsyncMicroserviceOptions,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { contract } from '@mcp-router/shared';
import { Bus, BusModule, Handles, RedisBusServer, contextOf, runInContext } from '@mcp-router/platform';
import { Redis } from 'ioredis';
import { Observable, firstValueFrom, lastValueFrom, of } from 'rxjs';
import { z } from 'zod';

const Body = z.object({ body: z.string() });
const json = contract('bench.json', { input: Body, output: Body });
const raw = contract('bench.raw', { input: Body, output: Body, raw: 'body' });
/** Shaped like the exchange of the data path: one answer out of a stream. */
const streamed = contract('bench.streamed', { input: Body, output: Body, raw: 'body', timeoutMs: Infinity });

const grow = contract('bench.grow', {
  input: z.object({ times: z.int(), body: z.string() }),
  output: Body,
  raw: 'body',
  maxBytes: 67_108_864,
});

let handled = 0;

@Controller()
class BenchHandler {
  @Handles(json)
  async json(input: { body: string }) {
    handled++;
    return input;
  }
  @Handles(raw)
  async raw(input: { body: string }) {
    handled++;
    return input;
  }
  @Handles(grow)
  async grow({ times, body }: { times: number; body: string }) {
    return { body: body.repeat(times) };
  }
  @Handles(streamed)
  streamed(input: { body: string }): Observable<{ body: string }> {
    handled++;
    return of(input);
  }
}

@Controller()
class StockHandler {
  @MessagePattern('stock.json')
  async json(@Payload() input: { body: string }) {
    handled++;
    return input;
  }
}

function moduleOf(controllers: Type[], imports: Parameters<typeof Module>[0]['imports'] = []): Type {
  @Module({ controllers, imports })
  class BenchModule {}
  return BenchModule;
}

const url = new URL(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
const stockOptions = {
  host: url.hostname,
  port: Number(url.port),
  ...(url.password ? { password: url.password } : {}),
  retryAttempts: 100,
  retryDelay: 100,
};
const busOptions = (app: string) => ({ app, redisUrl: url.href, prefix: 'bench:' });

async function serve(kind: string): Promise<void> {
  const app =
    kind === 'stock'
      ? await NestFactory.createMicroservice<MicroserviceOptions>(moduleOf([StockHandler]), {
          transport: Transport.REDIS,
          options: stockOptions,
          logger: false,
        })
      : await NestFactory.createMicroservice<AsyncMicroserviceOptions>(
          moduleOf([BenchHandler], [BusModule.forRoot(busOptions('bench'))]),
          { useFactory: (strategy: RedisBusServer) => ({ strategy }), inject: [RedisBusServer], logger: false },
        );
  await app.listen();
  process.on('message', () => process.send?.({ handled, cpu: cpuMs() }));
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function start(kind: string): Promise<ChildProcess> {
  const child = fork(process.argv[1] ?? '', ['--serve', kind]);
  await new Promise((resolve) => child.once('message', resolve));
  return child;
}

function ask(child: ChildProcess): Promise<{ handled: number; cpu: number }> {
  return new Promise((resolve) => {
    child.once('message', (state) => resolve(state as { handled: number; cpu: number }));
    child.send('state');
  });
}

interface Cell {
  perSecond: number[];
  p50: number[];
  p99: number[];
  clientUs: number[];
  serverUs: number[];
  redisUs: number[];
}

/** Keeps `width` calls in flight for some time. @returns latencies in milliseconds */
async function drive(call: () => Promise<unknown>, width: number, ms: number): Promise<Float64Array> {
  const latencies: number[] = [];
  const end = performance.now() + ms;
  const worker = async () => {
    while (performance.now() < end) {
      const start = performance.now();
      await call();
      latencies.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return Float64Array.from(latencies).sort();
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 1.5);
  const rounds = Number(process.argv[3] ?? 5);
  const redis = new Redis(url.href);
  const redisCpu = async () => {
    const info = await redis.info('cpu');
    return 1000 * (Number(/used_cpu_sys:(.*)/.exec(info)?.[1]) + Number(/used_cpu_user:(.*)/.exec(info)?.[1]));
  };
  const stockServer = await start('stock');
  const busServer = await start('bus');
  const stock = ClientProxyFactory.create({ transport: Transport.REDIS, options: stockOptions });
  await stock.connect();
  const app = await NestFactory.createApplicationContext(moduleOf([], [BusModule.forRoot(busOptions('client'))]), {
    logger: false,
  });
  const bus = app.get(Bus);

  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'x'.repeat(120) },
  }).padEnd(200);
  const principal = {
    agentId: crypto.randomUUID(),
    agent: 'bench',
    role: 'member' as const,
    policy: { allow: ['*'], deny: [] },
  };
  const context = contextOf({ requestId: crypto.randomUUID(), principal });
  const variants: Record<string, { server: ChildProcess; call: () => Promise<unknown> }> = {
    stock: { server: stockServer, call: () => firstValueFrom(stock.send('stock.json', { body })) },
    bus: { server: busServer, call: () => bus.call(json, { body }) },
    'bus, raw': { server: busServer, call: () => bus.call(raw, { body }) },
    'bus, raw, principal': {
      server: busServer,
      call: () => runInContext(context, () => bus.call(raw, { body })),
    },
    'bus, raw stream, principal': {
      server: busServer,
      call: () => runInContext(context, () => lastValueFrom(bus.stream(streamed, { body }))),
    },
  };
  const only = process.argv[4];
  const names = Object.keys(variants).filter((name) => only === undefined || name === only);
  const widths = [1, 16, 64];
  const cells = new Map<string, Cell>();
  for (let round = -1; round < rounds; round++)
    for (const width of widths)
      for (const name of names) {
        const { server, call } = variants[name]!;
        const before = [await ask(server), cpuMs(), await redisCpu()] as const;
        const begun = performance.now();
        const latencies = await drive(call, width, 1000 * (round < 0 ? 0.5 : seconds));
        const took = (performance.now() - begun) / 1000;
        const after = [await ask(server), cpuMs(), await redisCpu()] as const;
        if (round < 0) continue; // warm-up
        const key = `${name}/${width}`;
        const cell = cells.get(key) ?? { perSecond: [], p50: [], p99: [], clientUs: [], serverUs: [], redisUs: [] };
        cells.set(key, cell);
        const each = 1000 / latencies.length;
        cell.perSecond.push(latencies.length / took);
        cell.p50.push(latencies[Math.floor(latencies.length * 0.5)] ?? NaN);
        cell.p99.push(latencies[Math.floor(latencies.length * 0.99)] ?? NaN);
        cell.serverUs.push((after[0].cpu - before[0].cpu) * each);
        cell.clientUs.push((after[1] - before[1]) * each);
        cell.redisUs.push((after[2] - before[2]) * each);
      }

  const rows = widths.flatMap((width) =>
    names.map((name) => {
      const cell = cells.get(`${name}/${width}`)!;
      const reference = cells.get(`stock/${width}`);
      const ratio = reference ? median(cell.perSecond.map((value, at) => value / reference.perSecond[at]!)) : NaN;
      const cpu = median(cell.clientUs.map((value, at) => value + cell.serverUs[at]! + cell.redisUs[at]!));
      return {
        'in flight': width,
        transport: name,
        'round trips/s': Math.round(median(cell.perSecond)),
        'p50 ms': Number(median(cell.p50).toFixed(3)),
        'p99 ms': Number(median(cell.p99).toFixed(3)),
        'x stock': Number(ratio.toFixed(2)),
        'CPU us': Number(cpu.toFixed(1)),
        client: Number(median(cell.clientUs).toFixed(1)),
        server: Number(median(cell.serverUs).toFixed(1)),
        redis: Number(median(cell.redisUs).toFixed(1)),
      };
    }),
  );
  console.log(
    `200 B bodies, ${rounds} rounds of ${seconds} s a cell in turn, medians; CPU is microseconds per round trip`,
  );
  console.table(rows);

  if (only === undefined) {
    const large = '0123456789'.repeat(1_000_000);
    const there: number[] = [];
    const back: number[] = [];
    for (let round = 0; round < 12; round++) {
      const begun = performance.now();
      await bus.call(grow, { times: 0, body: large });
      const between = performance.now();
      await bus.call(grow, { times: 1_000_000, body: '0123456789' });
      if (round < 2) continue;
      there.push(between - begun);
      back.push(performance.now() - between);
    }
    console.log(`10 MB there ${median(there).toFixed(0)} ms, back ${median(back).toFixed(0)} ms (medians of 10)\n`);
    const second = [await start('stock'), await start('bus')] as const;
    const twice = [];
    for (const [name, servers, call] of [
      ['stock', [stockServer, second[0]], variants['stock']!.call],
      ['bus', [busServer, second[1]], variants['bus']!.call],
    ] as const) {
      const before = await Promise.all(servers.map(ask));
      await Promise.all(Array.from({ length: 2_000 }, call));
      const after = await Promise.all(servers.map(ask));
      const each = after.map(({ handled: now }, at) => now - before[at]!.handled);
      const latencies = await drive(call, 64, 1000 * seconds);
      twice.push({
        transport: name,
        requests: 2_000,
        'handled by A': each[0],
        'handled by B': each[1],
        'round trips/s at 64': Math.round(latencies.length / seconds),
      });
    }
    console.log('With two replicas');
    console.table(twice);
    for (const child of second) child.disconnect();
  }
  for (const child of [stockServer, busServer]) child.disconnect();
  await app.close();
  await stock.close();
  await redis.quit();
}

if (process.argv[2] === '--serve') void serve(process.argv[3] ?? '').catch(console.error);
else void main();
