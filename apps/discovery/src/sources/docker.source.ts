import { Agent, type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { jsonLines } from './json-lines';
import { isMcpServer, readLabels, urlEndpoint } from './labels';
import { type Sighting, type SourceIo, defineSource } from './source';

const Container = z.looseObject({
  Id: z.string(),
  Names: z.array(z.string()).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  Ports: z
    .array(
      z.looseObject({
        IP: z.string().optional(),
        PrivatePort: z.number(),
        PublicPort: z.number().optional(),
        Type: z.string().optional(),
      }),
    )
    .nullish(),
  NetworkSettings: z
    .looseObject({ Networks: z.record(z.string(), z.looseObject({ IPAddress: z.string().nullish() })).nullish() })
    .nullish(),
});
type Container = z.infer<typeof Container>;

const Settings = z.object({
  /** Of Docker or Podman. */
  socket: z.string().default('/var/run/docker.sock'),
  /** `published`: on this machine's port; `network`: at the container's own address. */
  address: z.enum(['auto', 'published', 'network']).default('auto'),
  /** The container network whose address is taken; the first one otherwise. */
  network: z.string().optional(),
});
type Settings = z.infer<typeof Settings>;

/** Longest silence of the daemon on a request that has an end. */
const TIMEOUT_MS = 10_000;
/** Everything that can change whether and where a server is reached. */
const EVENTS = ['start', 'die', 'destroy', 'pause', 'unpause', 'rename', 'health_status'];

/** Containers with the label `mcp.server=true`, over the socket of Docker or Podman. */
export const dockerSource = defineSource({
  type: 'docker',
  priority: 70,
  everySeconds: 30,
  settings: Settings,
  async look(settings, io, sink) {
    await withDaemon(settings, async (daemon) => sink.snapshot(await list(daemon, settings, io)));
  },
  async follow(settings, io, sink) {
    await withDaemon(settings, async (daemon) => {
      // The events are listened to before the list is read: nothing that happens between the two is missed.
      const filters = JSON.stringify({ type: ['container'], event: EVENTS });
      const events = await ask(daemon, '/events', { filters }, io.signal, 0);
      await sink.snapshot(await list(daemon, settings, io));
      for await (const event of jsonLines(events)) {
        const { Actor: actor, id } = event as { Actor?: { ID?: string }; id?: string };
        const key = actor?.ID ?? id;
        if (key === undefined) continue;
        const [sighting] = await list(daemon, settings, io, key);
        await (sighting ? sink.upsert(sighting) : sink.remove(key));
      }
    });
  },
});

/** The daemon's socket is a file of this machine that the operator named: no address that the guard could judge. */
async function withDaemon(settings: Settings, use: (daemon: Dispatcher) => Promise<void>): Promise<void> {
  const daemon = new Agent({ connect: { socketPath: settings.socket } });
  try {
    await use(daemon);
  } finally {
    await daemon.destroy();
  }
}

async function ask(
  daemon: Dispatcher,
  path: string,
  query: Record<string, string>,
  signal: AbortSignal,
  bodyTimeout = TIMEOUT_MS,
) {
  const { statusCode, body } = await request(`http://docker${path}`, {
    dispatcher: daemon,
    query,
    signal,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout,
  });
  if (statusCode === 200) return body;
  await body.dump();
  throw new Error(`the daemon answers ${path} with ${statusCode}`);
}

async function list(daemon: Dispatcher, settings: Settings, io: SourceIo, id?: string): Promise<Sighting[]> {
  const filters = { status: ['running'], ...(id === undefined ? {} : { id: [id] }) };
  const body = await ask(daemon, '/containers/json', { filters: JSON.stringify(filters) }, io.signal);
  return z
    .array(Container)
    .parse(await body.json())
    .filter(({ Labels: labels }) => isMcpServer(labels ?? {}))
    .flatMap((container) => sightingOf(container, settings, io) ?? []);
}

function sightingOf(container: Container, settings: Settings, io: SourceIo): Sighting | undefined {
  const labels = container.Labels ?? {};
  const name = container.Names?.[0]?.replace(/^\//, '') ?? container.Id.slice(0, 12);
  const labelled = readLabels(labels);
  const tcp = (container.Ports ?? []).filter(({ Type: type }) => type === undefined || type === 'tcp');
  const inside = new Set(tcp.map(({ PrivatePort: port }) => port));
  const port = labelled?.port ?? (inside.size === 1 ? [...inside][0] : undefined);
  const place = port === undefined ? undefined : placeOf(container, port, settings);
  if (!labelled || !place) {
    const why = labelled ? 'no port or address: set the label mcp.port' : 'its transport has no address';
    io.warn(`the container ${name} is passed over: ${why}`);
    return undefined;
  }
  return {
    key: container.Id,
    name: labelled.name ?? name,
    endpoint: urlEndpoint(labelled.kind, place.host, place.port, labelled.path),
    labels,
  };
}

function placeOf(container: Container, port: number, settings: Settings): { host: string; port: number } | undefined {
  const published = (container.Ports ?? []).find((one) => one.PrivatePort === port && one.PublicPort !== undefined);
  if (settings.address !== 'network' && published?.PublicPort !== undefined) {
    const ip = published.IP ?? '0.0.0.0';
    return { host: ip === '0.0.0.0' || ip === '::' || ip === '' ? '127.0.0.1' : ip, port: published.PublicPort };
  }
  if (settings.address === 'published') return undefined;
  const networks = container.NetworkSettings?.Networks ?? {};
  const wanted = settings.network === undefined ? Object.values(networks) : [networks[settings.network]];
  const host = wanted.map((network) => network?.IPAddress).find(Boolean);
  return host ? { host, port } : undefined;
}
