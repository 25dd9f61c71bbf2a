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
