import { readFile } from 'node:fs/promises';
import { readJson } from '@mcp-router/platform';
import { z } from 'zod';
import { ServerJson, placesOf } from './server-json';
import { type Sighting, type SourceIo, defineSource } from './source';

const Entry = z.looseObject({
  server: ServerJson,
  _meta: z
    .looseObject({
      'io.modelcontextprotocol.registry/official': z
        .looseObject({ status: z.string().optional(), isLatest: z.boolean().optional() })
        .optional(),
    })
    .optional(),
});
const Page = z.looseObject({
  // One entry that cannot be read does not cost the others.
  servers: z.array(z.unknown()),
  metadata: z.looseObject({ nextCursor: z.string().nullish() }).nullish(),
});

const MAX_PAGE_BYTES = 8 * 1024 * 1024;
const MAX_PAGES = 2000;
const DAY_MS = 86_400_000;

const Settings = z.object({
  url: z.url({ protocol: /^https?$/ }).default('https://registry.modelcontextprotocol.io'),
  everySeconds: z.int().min(10).max(604_800).optional(),
  pageSize: z.int().min(1).max(100).default(100),
  search: z.string().max(200).optional(),
  /** A file with the bearer token of a private registry. */
  tokenFile: z.string().max(4096).optional(),
  /** After how many days everything is read anew instead of what changed. */
  fullEveryDays: z.number().min(0).max(365).default(7),
});
type Settings = z.infer<typeof Settings>;

/**
 * A registry that speaks the MCP server registry API v0.1: the official one, a company's, another router.
 *
 * After the first look only what was updated since is asked for. Packages are shown as installable, remotes can be added.
 */
export const mcpRegistrySource = defineSource({
  type: 'mcp-registry',
  priority: 20,
  everySeconds: 3600,
  settings: Settings,
  async look(settings, io, sink) {
    const startedAt = Date.now();
    const memory = await io.memory.read();
    const { updatedSince, fullAt, of } = memory as { updatedSince?: string; fullAt?: number; of?: string };
    const isFull =
      updatedSince === undefined || of !== settings.url || startedAt - (fullAt ?? 0) >= settings.fullEveryDays * DAY_MS;
    const all: Sighting[] = [];
    for await (const entries of pages(settings, isFull ? undefined : updatedSince, io)) {
      for (const entry of entries) {
        const sightings = sightingsOf(entry);
        if (!sightings) continue;
        if (isFull) all.push(...sightings);
        else await sink.replace(prefixOf(entry), sightings);
      }
    }
    // Only now: a look that broke off is repeated from where the last whole one began.
    if (isFull) await sink.snapshot(all);
    const since = new Date(startedAt - 60_000).toISOString();
    await io.memory.write({ updatedSince: since, fullAt: isFull ? startedAt : fullAt, of: settings.url });
  },
});

type Entry = z.infer<typeof Entry>;

async function* pages(settings: Settings, updatedSince: string | undefined, io: SourceIo): AsyncGenerator<Entry[]> {
  const seen = new Set<string>();
  let cursor: string | undefined;
  do {
    const url = new URL('v0.1/servers', settings.url.endsWith('/') ? settings.url : `${settings.url}/`);
    const query = { limit: String(settings.pageSize), cursor, updated_since: updatedSince, search: settings.search };
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const page = Page.parse(await fetchJson(url, settings, io));
    yield page.servers.flatMap((one) => {
      const parsed = Entry.safeParse(one);
      if (!parsed.success)
        io.warn('an entry of the registry cannot be read', { fault: parsed.error.issues[0]?.message });
      return parsed.success ? [parsed.data] : [];
    });
    cursor = page.metadata?.nextCursor || undefined;
    if (cursor !== undefined && seen.has(cursor)) throw new Error('the registry gives the same cursor twice');
    if (cursor !== undefined) seen.add(cursor);
    if (seen.size > MAX_PAGES) throw new Error(`the registry has more than ${MAX_PAGES} pages`);
  } while (cursor !== undefined);
}

async function fetchJson(url: URL, { tokenFile }: Settings, { outbound, signal }: SourceIo): Promise<unknown> {
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim();
  const response = await outbound.fetch(url, {
    headers: { accept: 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
  });
  if (response.ok) return readJson(response, MAX_PAGE_BYTES);
  await response.body?.cancel();
  throw new Error(`the registry answers ${response.status}`);
}

const prefixOf = ({ server }: Entry) => `${server.name}#`;

/** Of an older version nothing is said here; of a deleted or deprecated server: nothing is there any more. */
function sightingsOf(entry: Entry): Sighting[] | undefined {
  const { server } = entry;
  const { status, isLatest } = entry._meta?.['io.modelcontextprotocol.registry/official'] ?? {};
  if (isLatest === false) return undefined;
  if (status === 'deleted') return [];
  return placesOf(server).map(({ endpoint, ...open }) => ({
    key: `${prefixOf(entry)}${endpoint.kind === 'package' ? `${endpoint.registry}:${endpoint.identifier}` : 'url' in endpoint ? endpoint.url : ''}`,
    name: server.name,
    endpoint,
    ...open,
    ...(server.title ? { title: server.title } : {}),
    ...(server.description ? { description: server.description.slice(0, 2000) } : {}),
    ...(server.version ? { version: server.version } : {}),
    labels: status === 'deprecated' ? { 'mcp.deprecated': 'true' } : {},
  }));
}
