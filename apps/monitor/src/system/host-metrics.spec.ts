import { Metrics } from '@mcp-router/platform';
import { measureHost } from './host-metrics';

it('the machine is measured each time that somebody reads', () => {
  const metrics = new Metrics();
  measureHost(metrics, '/no/such/folder');
  const read = () => {
    const samples = metrics.read().flatMap(({ name, samples: all }) => all.map((sample) => ({ name, ...sample })));
    return (name: string, label: string) =>
      samples.find((sample) => sample.name === name && sample.labels[0] === label)?.value ?? NaN;
  };
  const first = read();
  expect(first('system_memory_usage_bytes', 'used') + first('system_memory_usage_bytes', 'free')).toBeGreaterThan(1e8);
  expect(first('system_filesystem_usage_bytes', 'used')).toBeGreaterThan(0);
  expect(first('system_cpu_load_average', '15')).toBeGreaterThanOrEqual(0);
  const until = process.hrtime.bigint() + 50_000_000n;
  while (process.hrtime.bigint() < until);
  const busy = (of: typeof first) =>
    of('system_cpu_time_seconds_total', 'user') + of('system_cpu_time_seconds_total', 'sys');
  expect(busy(read())).toBeGreaterThanOrEqual(busy(first));
});
