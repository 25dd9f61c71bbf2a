import { Resolver } from 'node:dns/promises';
import { z } from 'zod';
import { kindOf, urlEndpoint } from './labels';
import { type Sighting, defineSource } from './source';

const MAX_INSTANCES = 1000;

/** Services of a DNS domain (unicast DNS-SD, RFC 6763): PTR of `_mcp._tcp`, then SRV and TXT of each instance. */
export const dnsSdSource = defineSource({
  type: 'dns-sd',
  priority: 40,
  everySeconds: 60,
  settings: z.object({
    domain: z.string().min(1).max(253),
    service: z.string().default('_mcp._tcp'),
    /** Name servers as `address` or `address:port`; the system's otherwise. */
    servers: z.array(z.string()).max(8).optional(),
    timeoutMs: z.int().min(100).max(30_000).default(3000),
  }),
  async look({ domain, service, servers, timeoutMs }, io, sink) {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
    if (servers) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    io.signal.addEventListener('abort', cancel, { once: true });
    try {
      const instances = await orNone(resolver.resolvePtr(`${service}.${domain}`));
      if (instances.length > MAX_INSTANCES) throw new Error(`${domain} has more than ${MAX_INSTANCES} instances`);
      const found = await Promise.all(instances.map((instance) => readInstance(resolver, instance, service)));
      await sink.snapshot(found.flat());
    } finally {
      io.signal.removeEventListener('abort', cancel);
    }
  },
});

async function readInstance(resolver: Resolver, instance: string, service: string): Promise<Sighting[]> {
  const [services, texts] = await Promise.all([
    orNone(resolver.resolveSrv(instance)),
    orNone(resolver.resolveTxt(instance)),
  ]);
  const [target] = services.sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const labels = readText(texts);
  const kind = kindOf(labels['transport'] ?? 'http');
  // A target "." says that the service is decidedly not available (RFC 2782).
  if (!target || !kind || !/^[\w-]+(\.[\w-]+)*\.?$/.test(target.name)) return [];
  const scheme = labels['tls'] === '1' || labels['tls'] === 'true' || target.port === 443 ? 'https' : 'http';
  const path = labels['path'] ?? '/mcp';
  return [
    {
      key: instance,
      name: labels['name'] ?? instance.slice(0, Math.max(0, instance.indexOf(`.${service}`))),
      endpoint: urlEndpoint(kind, target.name, target.port, path.startsWith('/') ? path : `/${path}`, scheme),
      ...(labels['description'] === undefined ? {} : { description: labels['description'] }),
      labels,
    },
  ];
}

/** `key=value` strings; the first of a key counts (RFC 6763 §6.4). */
function readText(records: string[][]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of records.flat()) {
    const [, key = '', value = ''] = /^([^=]+)(?:=(.*))?$/s.exec(text) ?? [];
    if (key !== '') labels[key.toLowerCase()] ??= value;
  }
  return labels;
}

/** That a name has no such record is an answer; everything else is an outage. */
async function orNone<T>(records: Promise<T[]>): Promise<T[]> {
  try {
    return await records;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
    throw error;
  }
}
