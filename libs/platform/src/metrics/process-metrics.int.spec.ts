import { until } from '../testing/until';
import { Metrics } from './metrics';
import { measureProcess } from './process-metrics';

it('tells how long the event loop stood still, to whoever asks and however many ask', async () => {
  const metrics = new Metrics();
  measureProcess(metrics);
  const longest = () =>
    metrics
      .read()
      .find(({ name }) => name === 'nodejs_eventloop_lag_seconds')
      ?.samples.find(({ labels }) => labels[0] === '1')?.value ?? 0;
  const block = (): void => {
    const end = Date.now() + 400;
    while (Date.now() < end);
  };
  // Nothing is measured before the loop has turned once.
  await until(() => (block(), longest() > 0.3));
  // One reader, for example Prometheus, takes nothing away from another.
  expect(longest()).toBeGreaterThan(0.3);
});
