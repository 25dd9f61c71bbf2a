import fc from 'fast-check';
import { HEALTH_RULES, type Health, type HealthRules, isFlapping, newHealth, observe } from './health';

const probe = (ok: boolean, at: number) => ({ ok, at, via: 'probe' as const });

/** Feeds results one by one, each at the time the one before asked for. */
function run(results: Iterable<boolean>, start: Health = newHealth(0), rules: HealthRules = HEALTH_RULES): Health[] {
  const path: Health[] = [];
  let health = start;
  for (const ok of results) path.push((health = observe(health, probe(ok, health.nextProbeAt), rules, 0.5)));
  return path;
}
const states = (path: Health[]) => path.map(({ state }) => state);

it('takes the first answer of a new server for healthy', () => {
  expect(states(run([true]))).toEqual(['healthy']);
});

it('calls a server down at the third failure in a row, and says so before with degraded', () => {
  expect(states(run([true, false, false, false]))).toEqual(['healthy', 'healthy', 'degraded', 'unhealthy']);
});

it('calls a new server that never answered unhealthy, not degraded', () => {
  expect(states(run([false, false, false]))).toEqual(['unknown', 'unknown', 'unhealthy']);
});

it('asks for two good answers before a server is up again', () => {
  expect(states(run([true, false, false, false, true, true])).slice(-2)).toEqual(['unhealthy', 'healthy']);
});

it('checks again at once while the verdict is open, and less and less often once it is down', () => {
  const path = run([true, ...Array<boolean>(20).fill(false)]);
  const waits = path.slice(1).map((health, i) => health.nextProbeAt - (path[i] as Health).nextProbeAt);
  expect(waits[0]).toBe(HEALTH_RULES.confirmMs);
  expect(waits[3]).toBeGreaterThan(waits[2] as number);
  expect(Math.max(...waits)).toBe(HEALTH_RULES.maxBackoffMs * 0.75);
});

it('is lost after an hour down, and comes back like one that was down', () => {
  const path = run([true, ...Array<boolean>(30).fill(false), true, true]);
  expect(states(path)).toContain('lost');
  expect(states(path).slice(-2)).toEqual(['lost', 'healthy']);
});

it('believes no failed call by itself but probes at once', () => {
  const [healthy] = run([true]) as [Health];
  const after = observe(healthy, { ok: false, at: 500, via: 'traffic' }, HEALTH_RULES, 0.5);
  expect(after).toEqual({ ...healthy, nextProbeAt: 500 });
});

it('lets calls that go well stand in for probes', () => {
  const [healthy] = run([true]) as [Health];
  const after = observe(healthy, { ok: true, at: 50_000, via: 'traffic' }, HEALTH_RULES, 0.5);
  expect(after.nextProbeAt).toBe(110_000);
});

it('asks more of a server that keeps going up and down', () => {
  const cycle = [false, false, false, true, true];
  const [calm, wild] = [run([true, ...cycle]), run([true, ...cycle, ...cycle, ...cycle])];
  expect(states(calm).at(-1)).toBe('healthy');
  expect(states(wild).at(-1)).toBe('unhealthy');
  const last = wild.at(-1) as Health;
  expect(isFlapping(last, last.nextProbeAt)).toBe(true);
  expect(states(run(Array<boolean>(10).fill(true), last)).at(-1)).toBe('healthy');
});

it('never reports a server down that loses one packet in five, with three tries a probe', () => {
  let seed = 42;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const answers = Array.from({ length: 20_000 }, () => [random(), random(), random()].some((x) => x >= 0.2));
  expect(answers).toContain(false);
  expect(new Set(states(run(answers)))).not.toContain('unhealthy');
});

it('always says when to look next, and is up exactly when its last answers were good', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (results) => {
      const path = run(results);
      const last = path.at(-1) as Health;
      for (const [i, health] of path.entries())
        expect(health.nextProbeAt).toBeGreaterThan(i === 0 ? 0 : (path[i - 1] as Health).nextProbeAt);
      if (results.slice(-3).every((ok) => !ok) && results.length >= 3)
        expect(['unhealthy', 'lost']).toContain(last.state);
      if (results.length >= 12 && results.slice(-12).every(Boolean)) expect(last.state).toBe('healthy');
      expect(last.failures === 0 || last.successes === 0).toBe(true);
    }),
  );
});
