import { randomUUID } from 'node:crypto';
import { AppError } from '@mcp-router/shared';
import { Redis } from 'ioredis';
import { firstValueFrom, lastValueFrom, take, tap, toArray } from 'rxjs';
import { contextOf, currentContext, runInContext } from './context';
import { fastest } from '../testing/fastest';
import { count, echo, exchange, nobody, relay } from '../testing/bus/contracts';
import { startCaller, startReplica, type Process } from '../testing/bus/replica';
import { until } from '../testing/until';

const redisUrl = process.env['REDIS_URL'] ?? '';
const prefix = `test-${randomUUID().slice(0, 8)}:`;
const processes: Process[] = [];
let redis: Redis;
let caller: Process;
let replicas: Process[];

beforeAll(async () => {
  redis = new Redis(redisUrl, { keyPrefix: prefix });
  replicas = await Promise.all([1, 2].map(() => startReplica({ app: 'echoer', redisUrl, prefix })));
  caller = await startCaller({ app: 'caller', redisUrl, prefix });
  processes.push(...replicas, caller);
});

afterAll(async () => {
  for (const one of processes.reverse()) await one.close();
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.del(keys.map((key) => key.slice(prefix.length)));
  await redis.quit();
});

const marks = (name: string) => redis.hget('marks', name).then(Number);
it('has each of 200 requests handled once by one of two replicas, evenly', async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => caller.bus.call(echo, { text: String(n), mark: 'each' })),
  );
  expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 200 }, (_, n) => String(n)));
  expect(await marks('each')).toBe(200);
  const byFirst = answers.filter(({ by }) => by === replicas[0]?.bus.instanceId).length;
  expect(byFirst).toBeGreaterThan(80);
  expect(byFirst).toBeLessThan(120);
});

it('streams 5,000 answers in order', async () => {
  const numbers = await lastValueFrom(caller.bus.stream(count, { to: 5_000 }).pipe(toArray()));
  expect(numbers.map(({ n }) => n)).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
});

it('stops the handler when the caller unsubscribes', async () => {
  await firstValueFrom(
    caller.bus.stream(count, { to: 10_000, everyMs: 5, mark: 'cancelled' }).pipe(take(3), toArray()),
  );
  await until(async () => (await marks('cancelled:aborted')) === 1);
  const handled = await marks('cancelled');
  expect(handled).toBeLessThan(5_000);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(await marks('cancelled')).toBe(handled);
});

it('aborts the handler when the signal of the call aborts', async () => {
  const abort = new AbortController();
  const answer = caller.bus.call(echo, { text: '', delayMs: 60_000, mark: 'signal' }, { signal: abort.signal });
  await until(async () => (await marks('signal')) === 1);
  abort.abort();
  await expect(answer).rejects.toMatchObject({ code: 'cancelled' });
  await until(async () => (await marks('signal:aborted')) === 1);
});

it('ends a request at its deadline, at the caller and at the handler', async () => {
  const start = Date.now();
  const answer = caller.bus.call(echo, { text: '', delayMs: 60_000, mark: 'late' }, { timeoutMs: 1_000 });
  await expect(answer).rejects.toMatchObject({ code: 'deadline_exceeded' });
  // Far from the minute that the handler would have taken.
  expect(Date.now() - start).toBeLessThan(10_000);
  await until(async () => (await marks('late:aborted')) === 1);
});

it('refuses at once, within 50 ms, when nobody listens', async () => {
  const took = await fastest(async () => {
    await expect(caller.bus.call(nobody, {})).rejects.toMatchObject({ code: 'no_instance' });
    await expect(caller.bus.call(echo, { text: '' }, { instance: 'echoer-gone' })).rejects.toMatchObject({
      code: 'no_instance',
    });
  });
  expect(took).toBeLessThan(50);
});

it('reaches the instance that is named', async () => {
  for (const { bus } of replicas) {
    const { by } = await caller.bus.call(echo, { text: '' }, { instance: bus.instanceId });
    expect(by).toBe(bus.instanceId);
  }
});

it('refuses an input that is too large before sending it, and an output at the handler', async () => {
  await expect(caller.bus.call(echo, { text: 'ä'.repeat(600_000) })).rejects.toMatchObject({
    code: 'payload_too_large',
  });
  await expect(caller.bus.call(echo, { text: 'ab'.repeat(524_275) })).rejects.toMatchObject({
    code: 'payload_too_large',
  });
  await expect(caller.bus.call(echo, { text: 'still there' })).resolves.toMatchObject({ text: 'still there' });
});

it('names the pointer of each fault in an input', async () => {
  const answer = caller.bus.call(echo, { text: 5 as never, delayMs: -1 });
  await expect(answer).rejects.toMatchObject({
    code: 'invalid_request',
    errors: [{ pointer: '/text' }, { pointer: '/delayMs' }],
  });
});

it('carries errors as they were thrown, and nothing of those it does not know', async () => {
  const known = await caller.bus.call(echo, { text: 'x', fail: 'app' }).catch((error: unknown) => error);
  expect(known).toBeInstanceOf(AppError);
  expect(known).toMatchObject({
    code: 'tool_not_found',
    detail: 'no such tool',
    hint: 'look again',
    data: { tool: 'x' },
  });
  const unknown = await caller.bus.call(echo, { text: 'x', fail: 'unknown' }).catch((error: unknown) => error);
  expect(unknown).toMatchObject({ code: 'internal' });
  expect(JSON.stringify(unknown)).not.toContain('secret');
});

it('carries raw bodies unescaped, whatever they contain', async () => {
  for (const body of ['', '\n', '{"a":"\\n"}\n{}', 'äöü€𝄞\u2028\0"\\', undefined]) {
    const input = body === undefined ? { kind: 'k\n"' } : { kind: 'k\n"', body };
    await expect(lastValueFrom(caller.bus.stream(exchange, input))).resolves.toEqual(input);
  }
});

it('carries 10 MB there and back in order with small answers', async () => {
  const body = '0123456789äöü𝄞'.repeat(526_316);
  const [first, ...others] = await lastValueFrom(
    caller.bus.stream(exchange, { kind: 'big', copies: 3, body }).pipe(toArray()),
  );
  expect(first?.body === body).toBe(true);
  expect(others).toHaveLength(2);
  expect(others.every((other) => other.body === body)).toBe(true);
});

it('carries many large bodies at a time', async () => {
  const bodies = Array.from({ length: 24 }, (_, n) => String.fromCodePoint(0x1f600 + n).repeat(150_000));
  const answers = await Promise.all(bodies.map((body) => caller.bus.call(exchange, { kind: 'large', body })));
  expect(answers.every(({ body }, n) => body === bodies[n])).toBe(true);
});

it('carries the request id, the principal, the deadline and the cancellation into nested calls', async () => {
  const principal = { agentId: 'a', agent: 'tester', role: 'member' as const, policy: { allow: ['*'], deny: [] } };
  const context = contextOf({ requestId: 'r-1', principal });
  const answer = await runInContext(context, () => caller.bus.call(relay, { depth: 2 }));
  expect(answer.requestIds).toEqual(['r-1', 'r-1', 'r-1']);
  expect(answer.agent).toBe('tester');
  expect(answer.callers[0]).toBe(caller.bus.instanceId);
  expect(currentContext()).toBeUndefined();

  const late = caller.bus.call(relay, { depth: 1, delayMs: 60_000, mark: 'nested' }, { timeoutMs: 1_000 });
  await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' });
  await until(async () => (await marks('nested:aborted')) === 1);
});

it('cancels nested calls with the call they serve', async () => {
  const abort = new AbortController();
  const left = caller.bus.call(relay, { depth: 1, delayMs: 60_000, mark: 'left' }, { signal: abort.signal });
  await until(async () => (await marks('left')) === 1);
  abort.abort();
  await expect(left).rejects.toMatchObject({ code: 'cancelled' });
  await until(async () => (await marks('left:aborted')) === 1);
});

it('does not hear an installation with another prefix', async () => {
  const stranger = await startCaller({ app: 'caller', redisUrl, prefix: `${prefix}other:` });
  await expect(stranger.bus.call(echo, { text: '' })).rejects.toMatchObject({ code: 'no_instance' });
  await stranger.close();
});

it('knows a replica as soon as it listens and forgets it as soon as it leaves', async () => {
  const [joining, leaving]: [number[], number[]] = [[], []];
  for (let i = 0; i < 5; i++) {
    const { bus, close } = await startReplica({ app: 'echoer', redisUrl, prefix });
    const isKnown = () => caller.bus.instances('echoer').includes(bus.instanceId);
    const joined = performance.now();
    await until(isKnown);
    const left = performance.now();
    joining.push(left - joined);
    const closed = close();
    await until(() => !isKnown());
    leaving.push(performance.now() - left);
    await closed;
  }
  // Not only with the next beat, which is a second away.
  expect(Math.min(...joining)).toBeLessThan(500);
  expect(Math.min(...leaving)).toBeLessThan(500);
});

it('sends nothing more to a replica that leaves; what it works on is finished', async () => {
  const third = await startReplica({ app: 'echoer', redisUrl, prefix });
  await until(() => caller.bus.instances('echoer').includes(third.bus.instanceId));
  const answer = caller.bus.call(
    echo,
    { text: 'last', delayMs: 1_000, mark: 'drain' },
    { instance: third.bus.instanceId },
  );
  await until(async () => (await marks('drain')) === 1);
  const closed = third.close();
  await until(() => !caller.bus.instances('echoer').includes(third.bus.instanceId));
  const meanwhile = await Promise.all(Array.from({ length: 50 }, () => caller.bus.call(echo, { text: '' })));
  expect(meanwhile.some(({ by }) => by === third.bus.instanceId)).toBe(false);
  await expect(answer).resolves.toMatchObject({ text: 'last' });
  await closed;
});

it('has its last answer in Redis before callers can find it gone', async () => {
  const third = await startReplica({ app: 'echoer', redisUrl, prefix });
  const instance = third.bus.instanceId;
  const asking = new Redis(redisUrl);
  const monitor = await asking.monitor();
  const seen: string[] = [];
  monitor.on('monitor', (_: string, [command = '', channel, message = '']: string[]) => {
    if (channel === `${prefix}rpc:echoer:${instance}` && command.toLowerCase() === 'unsubscribe') seen.push('gone');
    else if (channel?.startsWith(`${prefix}inbox:caller`) && message.includes('farewell')) seen.push('answered');
  });
  const answer = caller.bus.call(echo, { text: 'farewell', delayMs: 500, mark: 'farewell' }, { instance });
  await until(async () => (await marks('farewell')) === 1);
  await third.close();
  await expect(answer).resolves.toMatchObject({ text: 'farewell' });
  await until(() => seen.length === 2);
  expect(seen).toEqual(['answered', 'gone']);
  monitor.disconnect();
  await asking.quit();
});

it('ends streams without an end when a replica stops, and waits for the others', async () => {
  const stopping = await startReplica({ app: 'echoer', redisUrl, prefix, drainMs: 10_000 });
  const instance = stopping.bus.instanceId;
  await until(() => caller.bus.instances('echoer').includes(instance));
  const endless: number[] = [];
  const ended = lastValueFrom(
    caller.bus
      .stream(count, { to: 1e6, everyMs: 10, endless: true }, { instance, timeoutMs: Infinity })
      .pipe(tap(({ n }) => void endless.push(n))),
  );
  const finite: number[] = [];
  const whole = lastValueFrom(
    caller.bus.stream(count, { to: 100, everyMs: 10 }, { instance }).pipe(tap(({ n }) => void finite.push(n))),
  );
  await until(() => endless.length > 0 && finite.length > 0);
  const closed = stopping.close();
  // Completed, not failed: whoever listened comes back, and finds another replica.
  await ended;
  expect(finite.length).toBeLessThan(100);
  await whole;
  expect(finite).toHaveLength(100);
  await closed;
});
