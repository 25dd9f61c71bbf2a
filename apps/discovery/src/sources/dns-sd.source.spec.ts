import type { Answer } from 'dns-packet';
import { fakeDns } from '../testing/fake-dns';
import { SourceProbe } from '../testing/source-probe';
import { dnsSdSource } from './dns-sd.source';

const DOMAIN = 'corp.test';
const instance = (label: string, port: number, target: string, text: string[] = ['']): Answer[] => [
  { type: 'PTR', name: `_mcp._tcp.${DOMAIN}`, data: `${label}._mcp._tcp.${DOMAIN}` },
  { type: 'SRV', name: `${label}._mcp._tcp.${DOMAIN}`, data: { port, target, priority: 0, weight: 0 } },
  { type: 'TXT', name: `${label}._mcp._tcp.${DOMAIN}`, data: text },
];

let dns: Awaited<ReturnType<typeof fakeDns>>;
let probe: SourceProbe;

beforeEach(async () => {
  dns = await fakeDns([
    ...instance('plain', 8000, 'a.corp.test'),
    ...instance('full', 8443, 'b.corp.test', ['path=/rpc', 'tls=1', 'name=Weather', 'Path=/second', 'transport=sse']),
    ...instance('absent', 1, '.'),
    ...instance('stdio', 1, 'c.corp.test', ['transport=stdio']),
  ]);
  probe = new SourceProbe();
});
afterEach(async () => {
  await probe.stop();
  await dns.close();
});
const look = () => probe.look(dnsSdSource, { domain: DOMAIN, servers: [dns.server], timeoutMs: 600 });

it('reads the instances of a domain with their SRV and TXT records', async () => {
  await look();
  expect(probe.places).toEqual(['Weather https://b.corp.test:8443/rpc', 'plain http://a.corp.test:8000/mcp']);
});

it('takes a domain without instances for an empty one', async () => {
  dns.state.records = [];
  await look();
  expect(probe.snapshots).toBe(1);
  expect(probe.places).toEqual([]);
});

it.each(['isSilent', 'fails'] as const)('keeps what was found when the name server %s', async (trouble) => {
  await look();
  dns.state[trouble] = true;
  await expect(look()).rejects.toThrow();
  expect(probe.places).toHaveLength(2);
});
