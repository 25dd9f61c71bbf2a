import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openTestDatabase, startPrivateRedis } from '@mcp-router/platform/testing';
import { NewAlertRule, NewNotifier, type RecordedEvent } from '@mcp-router/shared';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { MetricsStore } from '../metrics/metrics.store';
import { valuePoint, type SeriesKey } from '../metrics/point';
import { bucketOf, FINEST, TIERS } from '../metrics/tier';
import { MIGRATIONS } from '../migrations';
import { AlertsHandler } from './alerts.handler';
import { AlertsStore } from './alerts.store';
import { backtest } from './backtest';
import { DEFAULT_RULES } from './default-rules';
import { Evaluator } from './evaluator';
import { Notifiers } from './notifiers';
import { SilencesStore } from './silences.store';
import { Webhooks } from './webhooks';

const logger = pino({ level: 'silent' });
const SECRET = 'a-secret-of-a-receiver';

interface Received {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

const signatureOf = (headers: IncomingHttpHeaders, body: string, secret: string): string =>
  `sha256=${createHmac('sha256', secret)
    .update(`${String(headers['x-mcp-router-timestamp'])}.${body}`)
    .digest('hex')}`;

describe('alerts', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let metrics: MetricsStore;
  let alerts: AlertsStore;
  let notifiers: Notifiers;
  let webhooks: Webhooks;
  let evaluator: Evaluator;
  let receiver: Server;
  let events: RecordedEvent[];
  let received: Received[];
  /** What the receiver answers, one after the other; 204 after the last. */
  let answers: number[];
  let heard: () => void;
  let silences: SilencesStore;
  let keyRotated: () => void;
  let env: Record<string, unknown>;

  beforeEach(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: MIGRATIONS }));
    [events, received, answers, heard] = [[], [], [], () => undefined];
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        received.push({ url: request.url, headers: request.headers, body });
        response.writeHead(answers.shift() ?? 204).end(() => heard());
      });
    }).listen(0, '127.0.0.1');
    await new Promise((done) => receiver.once('listening', done));
    env = {
      MCPR_SECRET_KEY: 'a key of enough entropy',
      MCPR_DATA_DIR: '/nowhere',
      REDIS_URL: process.env['REDIS_URL'],
      REDIS_PREFIX: `test-alerts-${process.pid}-${Date.now()}:`,
      OUTBOUND_ALLOW: ['loopback'],
    };
    metrics = new MetricsStore(database);
    alerts = new AlertsStore(database);
    const bus = {
      record: (_: unknown, event: RecordedEvent) => events.push(event),
      listen: (_: unknown, rotated: () => void) => ((keyRotated = rotated), () => undefined),
    };
    notifiers = new Notifiers(env as never, database);
    webhooks = new Webhooks(bus as never, env as never, database, notifiers, logger);
    silences = new SilencesStore(database);
    evaluator = new Evaluator(bus as never, alerts, silences, metrics, webhooks, database, logger);
    await database.query(`DELETE FROM monitor.alert_rule`);
  });
  afterEach(async () => {
    await webhooks.onApplicationShutdown();
    receiver.close();
    await close();
  });

  const now = bucketOf(Date.now(), FINEST.stepMs);
  /** `n` calls a second for each of the last steps. */
  const count = (secondsAgo: number, n: number, labels: Record<string, string> = {}) =>
    metrics.write([
      {
        key: { name: 'calls_total', type: 'counter', labels },
        point: valuePoint(now - secondsAgo * 1000, n),
      },
    ]);
  const rule = (fields: object) =>
    NewAlertRule.parse({
      name: 'r',
      metric: 'calls_total',
      aggregate: 'rate',
      threshold: 1,
      windowSeconds: 60,
      ...fields,
    });

  it('are pending, fire and are resolved, and each is told once', async () => {
    await alerts.addRule(rule({ by: ['server'], forSeconds: 30 }));
    await count(10, 120, { server: 'git' });
    await count(10, 30, { server: 'calm' });
    const states = async () => (await alerts.alerts({})).map(({ labels, state }) => [labels['server'], state]);
    await evaluator.evaluateAll(now);
    expect(await states()).toEqual([['git', 'pending']]);
    await evaluator.evaluateAll(now + 30_000);
    await evaluator.evaluateAll(now + 40_000);
    expect(await states()).toEqual([['git', 'firing']]);
    await evaluator.evaluateAll(now + 70_000);
    await evaluator.evaluateAll(now + 80_000);
    expect(await states()).toEqual([['git', 'resolved']]);
    expect(events.map(({ type, server }) => [type, server])).toEqual([
      ['alert.firing', 'git'],
      ['alert.resolved', 'git'],
    ]);
  });

  it('that are resolved stay as they are for a week, and are then forgotten', async () => {
    await alerts.addRule(rule({ by: ['server'] }));
    await count(10, 120, { server: 'git' });
    await evaluator.evaluateAll(now);
    await evaluator.evaluateAll(now + 120_000);
    const [resolved] = await alerts.alerts({});
    expect(resolved).toMatchObject({ state: 'resolved', labels: { server: 'git' } });
    await evaluator.evaluateAll(now + 6 * 86_400_000);
    expect(await alerts.alerts({})).toEqual([resolved]);
    await evaluator.evaluateAll(now + 8 * 86_400_000);
    await evaluator.evaluateAll(now + 8 * 86_400_000 + 10_000);
    expect(await alerts.alerts({})).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['alert.firing', 'alert.resolved']);
  });

  it('of a ratio leave out what went well, and a burn that has stopped does not fire', async () => {
    const ratio = rule({ ratio: true, except: { error_type: '' }, threshold: 0.1 });
    await alerts.addRule(ratio);
    await alerts.addRule({ ...ratio, name: 'burn', windowSeconds: 300, shortWindowSeconds: 60 });
    await count(200, 80, { error_type: '' });
    await count(200, 20, { error_type: 'timeout' });
    await count(10, 100, { error_type: '' });
    await evaluator.evaluateAll(now - 180_000);
    expect((await alerts.alerts({})).map(({ rule: name, value }) => [name, Number(value?.toFixed(6))]).sort()).toEqual([
      ['burn', 0.2],
      ['r', 0.2],
    ]);
    await evaluator.evaluateAll(now);
    expect((await alerts.alerts({ state: 'firing' })).map(({ rule: name }) => name)).toEqual([]);
  });

  it('tell a window without data as the rule says', async () => {
    await count(500, 1);
    for (const noData of ['ok', 'alert', 'keep']) await alerts.addRule(rule({ name: noData, noData }));
    await evaluator.evaluateAll(now);
    expect((await alerts.alerts({})).map(({ rule: name, value }) => [name, value])).toEqual([['alert', null]]);
  });

  it('can be tried on history', async () => {
    for (let ago = 600; ago > 300; ago -= 10) await count(ago, 100);
    const test = await backtest(metrics, rule({ forSeconds: 60 }), now - 900_000, now);
    expect(test.transitions.map(({ state }) => state)).toEqual(['pending', 'firing', 'resolved']);
    expect(test.firingSeconds).toBeGreaterThan(200);
    expect(test.firingSeconds).toBeLessThan(360);
  });

  it('are tried on every minute of two weeks, not on some of them', async () => {
    const key: SeriesKey = { name: 'calls_total', type: 'counter', labels: {} };
    const [start, minute] = [bucketOf(now - 13 * 86_400_000, 60_000), 60_000];
    // Bursts of two minutes, days apart, in what is kept of that time: minutes.
    const bursts = [1, 4, 9].map((days) => start + days * 86_400_000 + 7 * minute);
    const points = bursts.flatMap((at) => [at, at + minute].map((time) => ({ key, point: valuePoint(time, 600) })));
    await metrics.write(points, TIERS[1]);
    const test = await backtest(metrics, rule({ threshold: 5 }), start, start + 12 * 86_400_000);
    expect(test).toMatchObject({ stepSeconds: 60, tierSeconds: 60 });
    expect(test.transitions.map(({ at, state, value }) => [Date.parse(at), state, value])).toEqual(
      bursts.flatMap((at) => [
        [at + minute, 'firing', 10],
        [at + 3 * minute, 'resolved', null],
      ]),
    );
    // A window that is shorter than what is kept is as long as that.
    const short = await backtest(metrics, rule({ threshold: 5, windowSeconds: 10 }), start, start + 12 * 86_400_000);
    expect(short.transitions).toEqual(test.transitions);
  });

  it('of a long window are looked at in minutes, with the same outcome', async () => {
    await alerts.addRule(rule({ windowSeconds: 3600, threshold: 1 }));
    for (let ago = 3600; ago > 0; ago -= 60) await count(ago, 70);
    await metrics.rollUp();
    await database.query('TRUNCATE monitor.metric_10s');
    await evaluator.evaluateAll(now);
    expect(await alerts.alerts({})).toMatchObject([{ state: 'firing' }]);
  });

  it('of too many groups over too long a time are not tried', async () => {
    const points = Array.from({ length: 200 }, (_, i) => ({
      key: { name: 'calls_total', type: 'counter' as const, labels: { server: `s${i}` } },
      point: valuePoint(now - 600_000, 1),
    }));
    await metrics.write(points);
    const test = backtest(metrics, rule({ by: ['server'] }), now - 13 * 86_400_000, now);
    await expect(test).rejects.toMatchObject({ code: 'limit_exceeded' });
  });

  it('have no rule that asks its metric for what that kind of metric does not have', async () => {
    const key = { name: 'in_flight', type: 'gauge', labels: {} } as const;
    const handler = new AlertsHandler(alerts, metrics, silences, notifiers);
    const summed = rule({ name: 'early', metric: 'in_flight', aggregate: 'sum' });
    // What kind a metric is, is known from its first point.
    await handler.add(summed);
    await metrics.write([{ key, point: valuePoint(now - 10_000, 5) }]);
    const refused = { code: 'invalid_request', hint: 'Ask for one of avg, min, max' };
    const period = { from: new Date(now - 60_000).toISOString(), to: new Date(now).toISOString() };
    for (const wrong of [
      rule({ ...summed, name: 'late' }),
      rule({ metric: 'in_flight', aggregate: 'max', ratio: true }),
    ]) {
      await expect(handler.add(wrong)).rejects.toMatchObject(refused);
      await expect(handler.replace({ rule: 'early', definition: wrong })).rejects.toMatchObject(refused);
      await expect(handler.test({ rule: wrong, ...period })).rejects.toMatchObject(refused);
    }
    await handler.add(rule({ metric: 'in_flight', aggregate: 'max' }));
    expect((await alerts.rules({ limit: 10 })).items.map(({ name }) => name)).toEqual(['early', 'r']);
    for (const name of ['mcp_server_operation_duration_seconds', 'mcp_router_overhead_seconds'])
      await metrics.write([{ key: { name, type: 'histogram', labels: {} }, point: valuePoint(now, 1) }]);
    for (const name of ['nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes'])
      await metrics.write([{ key: { name, type: 'gauge', labels: {} }, point: valuePoint(now, 1) }]);
    for (const own of DEFAULT_RULES) await handler.add(own);
  });

  it('have twelve rules from the start', () => {
    expect(new Set(DEFAULT_RULES.map(({ name }) => name)).size).toBe(12);
  });

  it('are sent signed, tried again, and failures can be seen', async () => {
    answers = [500];
    webhooks.onApplicationBootstrap();
    const { port } = receiver.address() as AddressInfo;
    await notifiers.add(NewNotifier.parse({ name: 'hook', url: `http://127.0.0.1:${port}/x`, secret: SECRET }));
    await alerts.addRule(rule({}));
    await count(10, 120);
    const next = () => new Promise<void>((done) => (heard = done));
    const first = next();
    await evaluator.evaluateAll(now);
    await first;
    const second = next();
    await second;
    for (const { headers, body } of received)
      expect(headers['x-mcp-router-signature']).toBe(signatureOf(headers, body, SECRET));
    expect(received[1]?.body).toBe(received[0]?.body);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ rule: 'r', state: 'firing', value: 2 });
    await webhooks.onApplicationShutdown();
    expect(await notifiers.list()).toMatchObject([{ name: 'hook', delivered: 1, failed: 0, lastError: null }]);
  });

  it('go on being evaluated while Redis is away, and are sent when it is back', async () => {
    const redis = await startPrivateRedis();
    try {
      env['REDIS_URL'] = redis.url;
      const { until } = await listen();
      await redis.kill();
      await alerts.addRule(rule({}));
      await count(10, 120);
      await evaluator.evaluateAll(now);
      await evaluator.evaluateAll(now + 10_000);
      expect(await alerts.alerts({})).toMatchObject([{ rule: 'r', state: 'firing' }]);
      expect(received).toEqual([]);
      await redis.restart();
      expect(await until(1)).toEqual(['firing']);
      await webhooks.onApplicationShutdown();
      expect(await database.query(`SELECT id FROM monitor.webhook_delivery`)).toEqual([]);
      expect(received).toHaveLength(1);
    } finally {
      await redis.close();
    }
  });

  it('that were waiting when Redis lost its memory are sent all the same', async () => {
    const redis = await startPrivateRedis();
    try {
      env['REDIS_URL'] = redis.url;
      answers = [500];
      const { until } = await listen();
      await alerts.addRule(rule({}));
      await count(10, 120);
      await evaluator.evaluateAll(now);
      // The first try fails; while the next one waits, Redis forgets it.
      await until(1);
      await redis.kill();
      await redis.restart();
      expect(await until(2)).toEqual(['firing', 'firing']);
    } finally {
      await webhooks.onApplicationShutdown();
      await redis.close();
    }
  });

  /** Listens, and gives the states that arrive. */
  const listen = async () => {
    webhooks.onApplicationBootstrap();
    const { port } = receiver.address() as AddressInfo;
    await notifiers.add(NewNotifier.parse({ name: 'hook', url: `http://127.0.0.1:${port}/x`, secret: SECRET }));
    const states = () => received.map(({ body }) => (JSON.parse(body) as { state: string }).state);
    const until = async (n: number) => {
      while (received.length < n) await new Promise<void>((done) => (heard = done));
      return states();
    };
    return { states, until };
  };

  it('that are silenced are seen and not sent; when the silence ends while they fire, they are', async () => {
    const { states, until } = await listen();
    await alerts.addRule(rule({ keepFiringSeconds: 600 }));
    await count(10, 120);
    const silence = await silences.add({
      rule: 'r',
      labels: {},
      startsAt: new Date(now - 1_000).toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
      comment: 'moving house',
      createdBy: 'ann',
    });
    await evaluator.evaluateAll(now);
    expect(await alerts.alerts({})).toMatchObject([{ state: 'firing', muted: 'silenced' }]);
    expect(events).toMatchObject([{ type: 'alert.firing', data: { muted: 'silenced' } }]);
    expect(await silences.list()).toEqual([silence]);
    await silences.remove(silence.id);
    await expect(silences.remove(silence.id)).rejects.toMatchObject({ code: 'not_found' });
    expect(states()).toEqual([]);
    await evaluator.evaluateAll(now + 10_000);
    await evaluator.evaluateAll(now + 20_000);
    expect(await until(1)).toEqual(['firing']);
    expect(await alerts.alerts({})).toMatchObject([{ state: 'firing', muted: null }]);
    await expect(
      silences.add({ labels: {}, endsAt: '2020-01-01T00:00:00Z', comment: '', createdBy: 'ann' }),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('that others inhibit are not sent, nor that they are resolved', async () => {
    const { until } = await listen();
    await alerts.addRule(rule({ name: 'a-symptom', by: ['server'], inhibitedBy: ['cause'] }));
    await alerts.addRule(rule({ name: 'cause', by: ['server'] }));
    await count(10, 120, { server: 'git' });
    await evaluator.evaluateAll(now);
    expect((await alerts.alerts({ rule: 'a-symptom' }))[0]?.muted).toBe('inhibited');
    await until(1);
    await evaluator.evaluateAll(now + 120_000);
    expect(await until(2)).toEqual(['firing', 'resolved']);
    expect(new Set(received.map(({ body }) => (JSON.parse(body) as { rule: string }).rule))).toEqual(
      new Set(['cause']),
    );
  });

  it('are acknowledged by somebody until they fire anew', async () => {
    await alerts.addRule(rule({}));
    await count(10, 120);
    await evaluator.evaluateAll(now);
    const [fired] = await alerts.alerts({});
    expect((await alerts.acknowledge(fired?.id ?? '', 'ann')).acknowledgedBy).toBe('ann');
    await evaluator.evaluateAll(now + 10_000);
    expect((await alerts.alerts({}))[0]).toMatchObject({ id: fired?.id, state: 'firing', acknowledgedBy: 'ann' });
    await evaluator.evaluateAll(now + 120_000);
    await expect(alerts.acknowledge(fired?.id ?? '', 'bob')).rejects.toMatchObject({ code: 'conflict' });
    await evaluator.evaluateAll(now);
    expect((await alerts.alerts({}))[0]).toMatchObject({ state: 'firing', acknowledgedBy: null });
    await expect(alerts.acknowledge('x', 'ann')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('whose series are gone are without data, and so resolved', async () => {
    await alerts.addRule(rule({ by: ['server'] }));
    await count(10, 120, { server: 'git' });
    await evaluator.evaluateAll(now);
    await database.query(`DELETE FROM monitor.metric_series`);
    await evaluator.evaluateAll(now + 10_000);
    expect(await alerts.alerts({})).toMatchObject([{ state: 'resolved', labels: { server: 'git' } }]);
  });

  it('are signed with secrets that are stored encrypted, also those of an older release, with the newest key', async () => {
    const stored = (): Promise<{ secret: string; is_sealed: boolean }[]> =>
      database.query(`SELECT secret, is_sealed FROM monitor.notifier ORDER BY name`);
    await database.query(
      `INSERT INTO monitor.notifier (name, url, secret, severities) VALUES ('old', 'http://127.0.0.1:9/', $1, '{}')`,
      [SECRET],
    );
    const { until } = await listen();
    for (;;) if ((await stored()).every(({ is_sealed }) => is_sealed)) break;
    const before = (await stored()).map(({ secret }) => secret);
    expect(before.join()).not.toContain(SECRET);
    Object.assign(env, {
      MCPR_SECRET_KEY_PREVIOUS: env['MCPR_SECRET_KEY'],
      MCPR_SECRET_KEY: 'a newer key that is better',
    });
    keyRotated();
    for (;;) if ((await stored()).every(({ secret }) => !before.includes(secret))) break;
    delete env['MCPR_SECRET_KEY_PREVIOUS'];
    await alerts.addRule(rule({}));
    await count(10, 120);
    await evaluator.evaluateAll(now);
    await until(1);
    const { headers, body } = received[0] as Received;
    expect(headers['x-mcp-router-signature']).toBe(signatureOf(headers, body, SECRET));
  });

  const hook = async (path = 'x') => {
    const { port } = receiver.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/${path}`;
    const notifier = NewNotifier.parse({ name: 'hook', url, secret: SECRET, severities: ['info'] });
    return notifiers.add(notifier);
  };

  it('are sent as their notifier is changed to be, unless somebody else changed it meanwhile', async () => {
    webhooks.onApplicationBootstrap();
    const added = await hook();
    const secret = 'a newer secret of a receiver';
    expect(await notifiers.change('hook', { severities: ['warning'] }, added.version)).toMatchObject({
      url: added.url,
      severities: ['warning'],
    });
    const late = notifiers.change('hook', { severities: ['info'] }, added.version);
    await expect(late).rejects.toMatchObject({ code: 'precondition_failed' });
    const { version } = await notifiers.change('hook', { url: `${added.url}/new`, secret });
    expect(await notifiers.get('hook')).toMatchObject({ version, url: `${added.url}/new`, severities: ['warning'] });
    await expect(notifiers.change('none', {})).rejects.toMatchObject({ code: 'not_found' });
    const inside = notifiers.change('hook', { url: 'http://169.254.169.254/' });
    await expect(inside).rejects.toMatchObject({ code: 'url_refused' });
    await alerts.addRule(rule({}));
    await count(10, 120);
    await evaluator.evaluateAll(now);
    while (received.length === 0) await new Promise<void>((done) => (heard = done));
    const { url, headers, body } = received[0] as Received;
    expect(url).toBe('/x/new');
    expect(headers['x-mcp-router-signature']).toBe(signatureOf(headers, body, secret));
  });

  it('are tried with a signed delivery whose outcome is told, and which does not count', async () => {
    const added = await hook();
    answers = [204, 500];
    expect(await notifiers.test('hook')).toMatchObject({ ok: true, status: 204, error: null });
    const { headers, body } = received[0] as Received;
    expect(headers['x-mcp-router-signature']).toBe(signatureOf(headers, body, SECRET));
    expect(JSON.parse(body)).toMatchObject({ test: true, rule: 'test', state: 'firing', severity: 'info' });
    expect(await notifiers.test('hook')).toMatchObject({ ok: false, status: 500, error: 'the receiver answered 500' });
    expect(await notifiers.list()).toEqual([added]);
    await notifiers.change('hook', { url: 'http://127.0.0.1:9/' });
    expect(await notifiers.test('hook')).toMatchObject({ ok: false, status: null, error: 'bad port' });
    await expect(notifiers.test('none')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are not sent where requests may not go', async () => {
    const notifier = NewNotifier.parse({ name: 'hook', url: 'http://169.254.169.254/', secret: SECRET });
    await expect(notifiers.add(notifier)).rejects.toMatchObject({ code: 'url_refused' });
  });
});
