import { uptimeIn, type HealthChange } from './uptime';

const change = (at: number, from: string, to: string): HealthChange => ({ at: at * 1000, from, to });
const within = (changes: HealthChange[], from: number, to: number) => uptimeIn(changes, from * 1000, to * 1000);

it('is the share of the time between changes in which a server was well', () => {
  const changes = [
    change(0, 'unknown', 'healthy'),
    change(60, 'healthy', 'unhealthy'),
    change(70, 'unhealthy', 'lost'),
    change(80, 'lost', 'degraded'),
  ];
  expect(within(changes, 0, 100)).toEqual({ upShare: 0.8, downSeconds: 20, knownSeconds: 100, outages: 1 });
});

it('begins with what the server was before the window', () => {
  const changes = [change(0, 'unknown', 'unhealthy'), change(75, 'unhealthy', 'healthy')];
  expect(within(changes, 50, 100)).toEqual({ upShare: 0.5, downSeconds: 25, knownSeconds: 50, outages: 0 });
});

it('does not guess what is not known', () => {
  expect(within([], 0, 100)).toEqual({ upShare: null, downSeconds: 0, knownSeconds: 0, outages: 0 });
  const changes = [change(40, 'unknown', 'healthy'), change(60, 'healthy', 'unknown')];
  expect(within(changes, 0, 100)).toMatchObject({ upShare: 1, knownSeconds: 20 });
});
