import { until } from '@mcp-router/platform/testing';
import { fakeKube, service, slice } from '../testing/fake-kube';
import { SourceProbe } from '../testing/source-probe';
import { kubernetesSource } from './kubernetes.source';

let kube: Awaited<ReturnType<typeof fakeKube>>;
let probe: SourceProbe;
let ended: Promise<Error | undefined>;

beforeEach(async () => {
  kube = await fakeKube();
  probe = new SourceProbe();
});
afterEach(async () => {
  await probe.stop();
  await ended;
  await kube.close();
});

function follow(settings: object = {}): void {
  ended = probe.follow(kubernetesSource, { kubeconfig: kube.kubeconfig, ...settings });
}
const url = (name: string, port = 8080, path = '/mcp') => `http://${name}.default.svc.cluster.local:${port}${path}`;

it('finds services by label, annotation and appProtocol, when an endpoint is ready', async () => {
  kube.set('services', service('annotated', { annotations: { 'mcp.server': 'true', 'mcp.name': 'weather' } }));
  kube.set(
    'services',
    service('labelled', { annotations: null, labels: { 'mcp.server': 'true', 'mcp.port': '9000' } }),
  );
  const protocol = { name: 'x', port: 7000, appProtocol: 'agentgateway.dev/mcp' };
  kube.set(
    'services',
    service('other', { annotations: { 'agentgateway.dev/mcp-path': '/rpc' } }, [protocol, { port: 1 }]),
  );
  kube.set('services', service('unready'));
  kube.set('services', service('ordinary', { annotations: {} }));
  for (const name of ['annotated', 'labelled', 'other', 'ordinary']) kube.set('slices', slice(name));
  kube.set('slices', slice('unready', false));
  follow();
  await until(() => probe.snapshots > 0);
  expect(probe.places).toEqual([
    `labelled ${url('labelled', 9000)}`,
    `other ${url('other', 7000, '/rpc')}`,
    `weather ${url('annotated')}`,
  ]);
  expect(kube.seen.authorization).toBe('Bearer kube-token');
});

it('reads the cluster once for a test, page by page', async () => {
  for (let i = 0; i < 1200; i++) {
    kube.set('services', service(`s${i}`));
    kube.set('slices', slice(`s${i}`, null));
  }
  ended = Promise.resolve(undefined);
  await probe.look(kubernetesSource, { kubeconfig: kube.kubeconfig });
  expect(probe.seen.size).toBe(1200);
});

it('follows changes: new ones, ready and unready, moved ports, deleted', async () => {
  follow();
  await until(() => kube.watches.size === 2);
  kube.set('slices', slice('a'));
  kube.set('services', service('a'));
  await until(() => probe.seen.has('default/a/8080'));
  kube.set('slices', slice('a', false));
  await until(() => probe.seen.size === 0);
  kube.set('slices', slice('a', true, 2));
  await until(() => probe.seen.size === 1);
  kube.set('services', service('a', {}, [{ port: 9090 }]));
  await until(() => probe.seen.has('default/a/9090') && probe.seen.size === 1);
  kube.remove('services', 'default/a');
  await until(() => probe.seen.size === 0);
});

it('goes on from the last bookmark after a cut, without reading everything again', async () => {
  follow();
  await until(() => kube.watches.size === 2);
  kube.set('slices', slice('a'));
  kube.set('services', service('a'));
  kube.bookmark();
  await until(() => probe.seen.size === 1);
  kube.compact();
  kube.cut();
  await until(() => kube.watches.size === 2 && kube.seen.watches >= 4);
  expect(kube.seen.lists).toBe(2);
});

it('reads everything again when its revision is too old', async () => {
  follow();
  await until(() => kube.watches.size === 2);
  kube.cut();
  kube.set('slices', slice('a'));
  kube.set('services', service('a'));
  kube.compact();
  await until(() => probe.seen.has('default/a/8080'));
  expect(kube.seen.lists).toBeGreaterThan(2);
});

it('ends up with what there is after 10,000 events with cuts, bookmarks and forgotten revisions', async () => {
  follow();
  await until(() => kube.watches.size === 2);
  const there = new Map<string, boolean>();
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  for (let i = 0; i < 10_000; i++) {
    const name = `s${random(50)}`;
    const dice = random(1000);
    if (dice < 4) kube.cut();
    else if (dice < 8) kube.compact();
    else if (dice < 30) kube.bookmark();
    else if (dice < 350) {
      kube.remove('services', `default/${name}`);
      there.delete(name);
    } else {
      const ready = random(3) > 0;
      kube.set('slices', slice(name, ready));
      kube.set('services', service(name));
      there.set(name, ready);
    }
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const expected = [...there].filter(([, ready]) => ready).map(([name]) => `default/${name}/8080`);
  await until(() => {
    expect([...probe.seen.keys()].sort()).toEqual(expected.sort());
    return true;
  });
});

it('says so when the API server refuses, and keeps what it said', async () => {
  follow({ namespace: 'secret' });
  expect(await ended).toMatchObject({ status: 404 });
});
