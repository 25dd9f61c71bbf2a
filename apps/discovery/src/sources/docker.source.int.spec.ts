import { until } from '@mcp-router/platform/testing';
import { container, fakeDocker } from '../testing/fake-docker';
import { SourceProbe } from '../testing/source-probe';
import { dockerSource } from './docker.source';

let docker: Awaited<ReturnType<typeof fakeDocker>>;
let probe: SourceProbe;

beforeEach(async () => {
  docker = await fakeDocker();
  probe = new SourceProbe();
});
afterEach(async () => {
  await probe.stop();
  await docker.close();
});

const published = [{ IP: '0.0.0.0', PrivatePort: 8000, PublicPort: 32_768, Type: 'tcp' }];

it('reads name, port, path and transport from the labels, and the address from the network or the published port', async () => {
  for (const one of [
    container('plain'),
    container('named', { 'mcp.name': 'weather', 'mcp.port': '9000', 'mcp.path': 'rpc', 'mcp.transport': 'sse' }),
    container('out', {}, published),
    container('toolhive', { 'mcp.server': '', toolhive: 'true', 'toolhive-port': '7000', 'toolhive-name': 'hive' }),
    container('odd', { 'mcp.path': '//evil.test/x' }),
    container('two-ports', {}, [...published, { PrivatePort: 1, Type: 'tcp' }]),
    container('stdio', { 'mcp.transport': 'stdio' }),
    { ...container('other'), Labels: {} },
    { ...container('stopped'), State: 'exited' },
  ])
    docker.containers.set(one.Id, one);
  docker.containers.get('toolhive')!.Labels = { toolhive: 'true', 'toolhive-port': '7000', 'toolhive-name': 'hive' };
  await probe.look(dockerSource, { socket: docker.socket });
  expect(probe.places).toEqual([
    'hive http://172.17.0.2:7000/mcp',
    'odd http://172.17.0.2:8000//evil.test/x',
    'out http://127.0.0.1:32768/mcp',
    'plain http://172.17.0.2:8000/mcp',
    'weather http://172.17.0.2:9000/rpc',
  ]);
  expect(probe.warnings).toHaveLength(2);
});

it('takes the address of the named network when it is told to', async () => {
  docker.containers.set('a', container('a', {}, published));
  await probe.look(dockerSource, { socket: docker.socket, address: 'network', network: 'back' });
  expect(probe.places).toEqual(['a http://172.18.0.2:8000/mcp']);
});

it('hears of a container when it starts, and of its end', async () => {
  const ended = probe.follow(dockerSource, { socket: docker.socket });
  await until(() => probe.snapshots === 1);
  docker.run(container('a'));
  await until(() => probe.seen.has('a'));
  docker.stop('a');
  await until(() => !probe.seen.has('a'));
  await probe.stop();
  expect(await ended).toBeDefined();
});

it('misses nothing that happens while the list is read', async () => {
  const ended = probe.follow(dockerSource, { socket: docker.socket });
  await until(() => docker.listeners.size === 1);
  docker.run(container('early'));
  await until(() => probe.seen.has('early'));
  await probe.stop();
  await ended;
});

it('ends when the daemon goes away, without taking anything back', async () => {
  docker.containers.set('a', container('a'));
  const ended = probe.follow(dockerSource, { socket: docker.socket });
  await until(() => probe.seen.has('a'));
  await until(() => docker.listeners.size === 1);
  docker.cut();
  await ended;
  expect(probe.seen.has('a')).toBe(true);
  await docker.pause();
  expect(await probe.follow(dockerSource, { socket: docker.socket })).toMatchObject({ code: 'ENOENT' });
});
