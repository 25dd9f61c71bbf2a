import { toExposition } from './exposition';
import { Metrics } from './metrics';

describe('metrics', () => {
  it('fold the series of a label bomb into "other" and lose no count', () => {
    const metrics = new Metrics();
    const calls = metrics.counter('calls_total', 'Calls', ['tool']);
    for (let i = 0; i < 10_000; i++) calls.with(`tool-${i}`).add();
    const [metric] = metrics.read();
    expect(metric?.samples.length).toBe(501);
    expect(metric?.samples.find(({ labels }) => labels[0] === 'other')?.value).toBe(9_500);
    expect(metric?.samples.reduce((sum, { value }) => sum + (value ?? 0), 0)).toBe(10_000);
  });

  it('keep what has few values when they fold: what went well is not counted among the failures', () => {
    const calls = new Metrics().counter('calls_total', 'Calls', ['server', 'tool', 'agent', 'error_type']);
    for (let agent = 0; agent < 100; agent++) {
      for (let tool = 0; tool < 50; tool++) {
        calls.with(tool % 2 ? 'git' : 'db', `tool-${tool}`, `agent-${agent}`, tool === 7 ? 'timeout' : '').add();
      }
    }
    const { samples } = calls.toMetric();
    const sumOf = (matches: (labels: string[]) => boolean) =>
      samples.reduce((sum, { labels, value = 0 }) => sum + (matches(labels) ? value : 0), 0);
    expect(samples.length).toBeLessThanOrEqual(1_001);
    expect(sumOf(([, , , error]) => error === 'timeout')).toBe(100);
    expect(sumOf(([, , , error]) => error === '')).toBe(4_900);
    expect(sumOf(([server]) => server === 'git')).toBe(2_500);
    // Of a kind that comes when all is full there may be some more.
    calls.with('late', 'x', 'y', '').add();
    expect(calls.toMetric().samples.find(({ labels }) => labels[0] === 'late')?.labels).toEqual([
      'late',
      'other',
      'other',
      '',
    ]);
  });

  it('stay bounded when every label is a bomb', () => {
    const bomb = new Metrics().counter('bomb_total', '', ['a', 'b', 'c', 'd']);
    for (let i = 0; i < 50_000; i++) bomb.with(`${i % 24}`, `${i % 23}`, `${i % 19}`, `${i % 17}`).add();
    const { samples } = bomb.toMetric();
    expect(samples.length).toBeLessThanOrEqual(1_001);
    expect(samples.reduce((sum, { value = 0 }) => sum + value, 0)).toBe(50_000);
  });

  it('tell label values apart that only a naive key would mix up', () => {
    const family = new Metrics().counter('c_total', '', ['a', 'b']);
    family.with('x', '').add();
    expect(family.with('', 'x').value).toBe(0);
  });

  it('write one family for all instances, with escaped labels and cumulative buckets', () => {
    const metrics = new Metrics();
    metrics.histogram('op_seconds', 'Line\nbreak', ['tool']).with('a"\\\n').record(0.03);
    const all = ['1', '2'].flatMap((instance) => metrics.read().map((metric) => ({ ...metric, common: { instance } })));
    const text = toExposition(all, 'prometheus');
    expect(text.match(/# TYPE op_seconds histogram/g)).toHaveLength(1);
    expect(text).toContain('# HELP op_seconds Line\\nbreak');
    expect(text).toContain('op_seconds_bucket{instance="1",tool="a\\"\\\\\\n",le="0.025"} 0');
    expect(text).toContain('op_seconds_bucket{instance="2",tool="a\\"\\\\\\n",le="0.05"} 1');
    expect(text).toContain('op_seconds_bucket{instance="2",tool="a\\"\\\\\\n",le="+Inf"} 1');
  });
});
