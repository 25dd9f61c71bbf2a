import { readJson } from '@mcp-router/platform';
import { z } from 'zod';
import { ServerJson, placesOf } from './server-json';
import { type Sighting, type SourceIo, defineSource } from './source';

const Catalog = z.looseObject({
  entries: z
    .array(
      z.looseObject({
        identifier: z.string().optional(),
        type: z.string(),
        url: z.string().optional(),
        data: z.unknown().optional(),
      }),
    )
    .max(1000),
});

const CARD_TYPE = 'application/mcp-server-card+json';
const MAX_BYTES = 1024 * 1024;
/** Where cards stood before the catalogue was agreed on. */
const FORMER_PATHS = ['/.well-known/mcp/server-card.json', '/.well-known/mcp.json'];

/** What domains say of their servers: `/.well-known/ai-catalog.json`, and server cards at `<mcp-url>/server-card`. */
export const domainsSource = defineSource({
  type: 'domains',
  priority: 50,
  everySeconds: 3600,
  settings: z
    .object({
      /** `example.com`, or an origin with its scheme. */
      domains: z.array(z.string().min(1).max(300)).max(1000).default([]),
      /** Streamable HTTP URLs whose card is read. */
      mcpUrls: z
        .array(z.url({ protocol: /^https?$/ }))
        .max(1000)
        .default([]),
    })
    .refine(({ domains, mcpUrls }) => domains.length + mcpUrls.length > 0, 'name a domain or an MCP URL'),
  async look({ domains, mcpUrls }, io, sink) {
    const places = [
      ...domains.map((domain) => ({ prefix: `${domain}#`, read: () => readDomain(domain, io) })),
      ...mcpUrls.map((url) => ({ prefix: `${url}#`, read: () => readMcpUrl(url, io) })),
    ];
    const failures: string[] = [];
    const all: Sighting[] = [];
    for (const { prefix, read } of places) {
      try {
        const sightings = await read();
        all.push(...sightings);
        await sink.replace(prefix, sightings);
      } catch (error) {
        // One domain that is away keeps what it said before; the others go on.
        failures.push(`${prefix.slice(0, -1)}: ${(error as Error).message}`);
      }
    }
    if (failures.length > 0) throw new Error(failures.join('; ').slice(0, 2000));
    // Places that are not asked any more are gone too.
    await sink.snapshot(all);
  },
});

async function readDomain(domain: string, io: SourceIo): Promise<Sighting[]> {
  const origin = domain.includes('://') ? domain : `https://${domain}`;
  const catalog = await fetchJson(new URL('/.well-known/ai-catalog.json', origin), io);
  if (catalog !== undefined) {
    const entries = Catalog.parse(catalog).entries.filter(({ type }) => type.startsWith(CARD_TYPE));
    const cards = await Promise.all(
      entries.map(async ({ url, data }) => (url === undefined ? data : fetchJson(new URL(url, origin), io))),
    );
    return cards.flatMap((card) => sightingsOf(domain, card, io));
  }
  for (const path of FORMER_PATHS) {
    const card = await fetchJson(new URL(path, origin), io);
    if (card !== undefined) return sightingsOf(domain, card, io);
  }
  return [];
}

async function readMcpUrl(mcpUrl: string, io: SourceIo): Promise<Sighting[]> {
  const card = await fetchJson(new URL(`${mcpUrl.replace(/\/+$/, '')}/server-card`), io);
  return card === undefined ? [] : sightingsOf(mcpUrl, card, io);
}

function sightingsOf(place: string, document: unknown, io: SourceIo): Sighting[] {
  const card = ServerJson.safeParse(document);
  if (!card.success) {
    io.warn(`a server card of ${place} cannot be read`, { fault: card.error.issues[0]?.message });
    return [];
  }
  const { name, title, description, version } = card.data;
  return placesOf(card.data).flatMap(({ endpoint, ...open }) => {
    if (endpoint.kind !== 'http' && endpoint.kind !== 'sse') return [];
    return {
      key: `${place}#${endpoint.url}`,
      name,
      endpoint,
      ...open,
      ...(title ? { title } : {}),
      ...(description ? { description: description.slice(0, 2000) } : {}),
      ...(version ? { version } : {}),
    };
  });
}

/** @returns undefined when there is no such document */
async function fetchJson(url: URL, { outbound, signal }: SourceIo): Promise<unknown> {
  const response = await outbound.fetch(url, {
    headers: { accept: `${CARD_TYPE}, application/ai-catalog+json, application/json` },
    signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
  });
  if (response.ok) return readJson(response, MAX_BYTES);
  await response.body?.cancel();
  if (response.status === 404 || response.status === 410 || response.status === 405) return undefined;
  throw new Error(`${url.pathname} answers ${response.status}`);
}
