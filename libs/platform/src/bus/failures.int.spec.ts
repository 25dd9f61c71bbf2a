import { randomUUID } from 'node:crypto';
import type { AppError } from '@mcp-router/shared';
import { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';
import { count, echo, exchange, relay, rung } from '../testing/bus/contracts';
import { ReplicaProcesses, startPrivateRedis, type PrivateRedis } from '../testing/bus/processes';
import { startCaller, startReplica } from '../testing/bus/replica';
import { until } from '../testing/until';
import { fastest } from '../testing/fastest';

const redisUrl = process.env['REDIS_URL'] ?? '';
const prefix = `test-${randomUUID().slice(0, 8)}:`;
let processes: ReplicaProcesses;
let redis: Redis;

beforeAll(() => {
  processes = new ReplicaProcesses();
  redis = new Redis(redisUrl, { keyPrefix: prefix });
});

afterAll(async () => {
  await processes.close();
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(keys.map((key) => key.slice(prefix.length)));
  await redis.quit();
});

const codeOf = (error: unknown): string => (error as AppError).code;

interface Outcome {
  mark: string;
  code: string;
  startedAt: number;
  endedAt: number;
}

/** Keeps `width` requests in flight until `stop`; every one is marked where it is handled. */
function load(call: (mark: string) => Promise<unknown>, width: number) {
  const outcomes: Outcome[] = [];
  let stopped = false;
  const worker = async (name: number) => {
    for (let n = 0; !stopped; n++) {
      const mark = `load-${name}-${n}`;
      const startedAt = Date.now();
      const code = await call(mark).then(() => 'ok', codeOf);
      outcomes.push({ mark, code, startedAt, endedAt: Date.now() });
      if (code !== 'ok') await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const done = Promise.all(Array.from({ length: width }, (_, name) => worker(name)));
  return {
    outcomes,
    stop: async () => {
      stopped = true;
      await done;
      return outcomes;
    },
  };
}

it('ends every request of a replica that is killed, runs none twice, and goes on with the other', async () => {
  const options = { app: 'echoer', redisUrl, prefix };
  const [doomed, other] = await Promise.all([processes.start(options), processes.start(options)]);
  const caller = await startCaller({ app: 'caller', redisUrl, prefix });
  const running = load((mark) => caller.bus.call(echo, { text: '', delayMs: 30, mark }), 60);
  await until(() => running.outcomes.length > 500);

  const killedAt = Date.now();
  doomed.process.kill('SIGKILL');
  await until(() => running.outcomes.length > 2_000);
  const outcomes = await running.stop();
  await caller.close();

  const lost = outcomes.filter(({ code }) => code !== 'ok');
  expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['instance_lost']));
  expect(lost.length).toBeLessThanOrEqual(60);
  expect(Math.max(...lost.map(({ endedAt }) => endedAt)) - killedAt).toBeLessThan(20_000);
  const runs = await redis.hgetall('marks');
  const twice = outcomes.filter(({ mark }) => Number(runs[mark]) > 1);
  expect(twice).toEqual([]);
  expect(outcomes.filter(({ mark, code }) => code === 'ok' && runs[mark] !== '1')).toEqual([]);
  other.process.kill('SIGKILL');
});

it('stops the handlers of a caller that is killed', async () => {
  const options = { app: 'echoer', redisUrl, prefix: `${prefix}gone:` };
  const asker = await processes.start(options);
  const answerer = await processes.start(options);
  const caller = await startCaller({ ...options, app: 'caller' });
  const marks = new Redis(redisUrl, { keyPrefix: options.prefix });
  const mark = 'orphan';
  const asked = caller.bus
    .call(
      relay,
      { depth: 0, delayMs: 60_000, mark, to: answerer.instanceId },
      { instance: asker.instanceId, timeoutMs: 60_000 },
    )
    .catch(codeOf);
  await until(async () => (await marks.hget('marks', mark)) === '1');
  asker.process.kill('SIGKILL');
  await expect(asked).resolves.toBe('instance_lost');
  await until(async () => (await marks.hget('marks', `${mark}:aborted`)) === '1');
  await marks.quit();
  await caller.close();
});

it('ends a request whose frame was lost, and one to an instance that hangs', async () => {
  const caller = await startCaller({ app: 'caller', redisUrl, prefix });
  const replica = await processes.start({ app: 'echoer', redisUrl, prefix });
  const ghost = new Redis(redisUrl);
  await ghost.subscribe(`${prefix}rpc:echoer:ghost`);
  await expect(caller.bus.call(echo, { text: '' }, { instance: 'ghost' })).rejects.toMatchObject({
    code: 'instance_lost',
  });

  const hung = caller.bus.call(echo, { text: '', delayMs: 60_000 }, { timeoutMs: 60_000 });
  replica.process.kill('SIGSTOP');
  const start = Date.now();
  await expect(hung).rejects.toMatchObject({ code: 'instance_lost' });
  // Far from the minute that the call had.
  expect(Date.now() - start).toBeLessThan(20_000);
  await ghost.quit();
  await caller.close();
});

it('does not take an instance for lost because the whole machine stood still', async () => {
  const options = { app: 'echoer', redisUrl, prefix: `${prefix}stalled:` };
  const replica = await processes.start(options);
  const caller = await startCaller({ ...options, app: 'caller' });
  const answer = caller.bus.call(echo, { text: 'still there', delayMs: 2_000 });
  setTimeout(() => {
    replica.process.kill('SIGSTOP');
    // Past the moment at which the caller asks the instance for a sign of life, and the caller wakes first.
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000), 200);
    setTimeout(() => replica.process.kill('SIGCONT'), 300);
  }, 400);
  await expect(answer).resolves.toMatchObject({ text: 'still there' });
  await caller.close();
});

describe('when Redis is killed under load', () => {
  let server: PrivateRedis;

  beforeAll(async () => {
    server = await startPrivateRedis();
  });
  afterAll(() => server.close());

  it('ends every request at once, refuses new ones at once, resumes by itself, and runs none twice', async () => {
    const away = `${prefix}away:`;
    await processes.start({ app: 'echoer', redisUrl: server.url, prefix: away }, redisUrl);
    const caller = await startCaller({ app: 'caller', redisUrl: server.url, prefix: away });
    const heard: string[] = [];
    let resumed = 0;
    caller.bus.listen(rung, ({ text }) => heard.push(text));
    caller.bus.onResume(() => resumed++);
    const endless = lastValueFrom(caller.bus.stream(count, { to: 1e6, everyMs: 10 }, { timeoutMs: Infinity })).catch(
      codeOf,
    );
    const waiting = Array.from({ length: 20 }, () =>
      caller.bus.call(echo, { text: '', delayMs: 60_000 }, { timeoutMs: 60_000 }).catch(codeOf),
    );
    const running = load((mark) => caller.bus.call(echo, { text: '', mark }), 20);
    await until(() => running.outcomes.length > 500);

    const killedAt = Date.now();
    await server.kill();
    await until(() => running.outcomes.some(({ code }) => code === 'bus_unavailable'));
    await expect(endless).resolves.toBe('bus_unavailable');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['bus_unavailable']));
    // Far from the minute that they had.
    expect(Date.now() - killedAt).toBeLessThan(10_000);
    const refusing = await fastest(() =>
      expect(caller.bus.call(echo, { text: '' })).rejects.toMatchObject({ code: 'bus_unavailable' }),
    );
    expect(refusing).toBeLessThan(50);
    await expect(caller.bus.broadcast(rung, { text: 'down' })).rejects.toMatchObject({ code: 'bus_unavailable' });
    expect(caller.bus.isReady).toBe(false);

    await server.restart();
    const restartedAt = Date.now();
    await until(() => running.outcomes.some(({ code, startedAt }) => code === 'ok' && startedAt > restartedAt));
    expect(Date.now() - restartedAt).toBeLessThan(15_000);
    await until(() => resumed === 1);
    await caller.bus.broadcast(rung, { text: 'up' });
    await until(() => heard.includes('up'));
    const outcomes = await running.stop();
    const codes = new Set(outcomes.map(({ code }) => code));
    for (const code of codes) expect(['ok', 'bus_unavailable', 'no_instance', 'instance_lost']).toContain(code);
    const runs = await redis.hgetall('away:marks');
    expect(Object.keys(runs).length).toBeGreaterThan(500);
    expect(Object.entries(runs).filter(([, times]) => times !== '1')).toEqual([]);
    await caller.close();
  });

  it('refuses a large transfer that is under way with a typed error', async () => {
    const replica = await startReplica({ app: 'echoer', redisUrl: server.url, prefix: 'transfer:' });
    const caller = await startCaller({ app: 'caller', redisUrl: server.url, prefix: 'transfer:' });
    const body = 'x'.repeat(60_000_000);
    const large = lastValueFrom(caller.bus.stream(exchange, { kind: 'big', body })).catch(codeOf);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await server.kill();
    await expect(large).resolves.toBe('bus_unavailable');
    await server.restart();
    await until(() => caller.bus.isReady && replica.bus.isReady);
    const answer = await lastValueFrom(caller.bus.stream(exchange, { kind: 'big', body: body.slice(0, 5_000_000) }));
    expect(answer.body).toHaveLength(5_000_000);
    await caller.close();
    await replica.close();
  });
});
