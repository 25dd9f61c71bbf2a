import { z } from 'zod';
import { KubeClient } from './kube-client';
import { type KubeObject, listAndWatch } from './kube-watch';
import { isMcpServer, readLabels, urlEndpoint } from './labels';
import { type Sighting, type Sink, type SourceIo, defineSource } from './source';

const Settings = z.object({
  /** Path of a kubeconfig; without one the pod's service account is used. */
  kubeconfig: z.string().max(4096).optional(),
  context: z.string().max(256).optional(),
  /** One namespace; all of them otherwise, which needs a cluster role. */
  namespace: z.string().max(63).optional(),
  clusterDomain: z.string().max(253).default('cluster.local'),
});
type Settings = z.infer<typeof Settings>;

const ServiceSpec = z.looseObject({
  ports: z
    .array(z.looseObject({ name: z.string().optional(), port: z.int(), appProtocol: z.string().optional() }))
    .nullish(),
});
const Slice = z.looseObject({
  endpoints: z
    .array(z.looseObject({ conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish() }))
    .nullish(),
});

/** `appProtocol` of a port that speaks MCP, as other gateways write it, and the annotation of its path. */
const APP_PROTOCOLS: Record<string, string> = {
  mcp: 'mcp.path',
  'mcp-router.dev/mcp': 'mcp-router.dev/mcp-path',
  'agentgateway.dev/mcp': 'agentgateway.dev/mcp-path',
  'kgateway.dev/mcp': 'kgateway.dev/mcp-path',
};

/**
 * Services of a Kubernetes cluster that are labelled or annotated `mcp.server: "true"`, or have a port whose
 * `appProtocol` says MCP. One without a ready endpoint is not there.
 */
export const kubernetesSource = defineSource({
  type: 'kubernetes',
  priority: 75,
  everySeconds: 300,
  settings: Settings,
  async look(settings, io, sink) {
    const done = new AbortController();
    const signal = AbortSignal.any([io.signal, done.signal]);
    const once: Sink = {
      ...sink,
      async snapshot(sightings) {
        await sink.snapshot(sightings);
        done.abort();
      },
    };
    await followCluster(settings, { ...io, signal }, once);
  },
  follow: followCluster,
});

async function followCluster(settings: Settings, io: SourceIo, sink: Sink): Promise<void> {
  const client =
    settings.kubeconfig === undefined
      ? await KubeClient.inCluster()
      : await KubeClient.fromKubeconfig(settings.kubeconfig, settings.context);
  // Whichever of the two watches fails ends the other.
  const failed = new AbortController();
  const signal = AbortSignal.any([io.signal, failed.signal]);
  const cluster = new Cluster(settings, io, sink);
  const place = settings.namespace === undefined ? '' : `/namespaces/${encodeURIComponent(settings.namespace)}`;
  try {
    await Promise.all([
      listAndWatch(client, `/api/v1${place}/services`, {}, cluster.services, signal),
      listAndWatch(client, `/apis/discovery.k8s.io/v1${place}/endpointslices`, {}, cluster.slices, signal),
    ]);
  } finally {
    failed.abort();
    await client.close();
  }
}

const nameOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? 'default'}/${metadata.name}`;

/** What is known of the cluster from both watches; reports nothing before both lists were read. */
class Cluster {
  private readonly known = new Map<string, KubeObject>();
  /** service → slice → whether the slice has a ready endpoint */
  private readonly ready = new Map<string, Map<string, boolean>>();
  private reported = new Map<string, string[]>();
  private hasServices = false;
  private hasSlices = false;

  constructor(
    private readonly settings: Settings,
    private readonly io: SourceIo,
    private readonly sink: Sink,
  ) {}

  readonly services = {
    replaced: async (objects: KubeObject[]) => {
      this.known.clear();
      for (const object of objects) this.known.set(nameOf(object), object);
      this.hasServices = true;
      await this.reportAll();
    },
    changed: async (object: KubeObject) => {
      this.known.set(nameOf(object), object);
      await this.report(nameOf(object));
    },
    deleted: async (object: KubeObject) => {
      this.known.delete(nameOf(object));
      await this.report(nameOf(object));
    },
  };

  readonly slices = {
    replaced: async (objects: KubeObject[]) => {
      this.ready.clear();
      for (const object of objects) this.enter(object);
      this.hasSlices = true;
      await this.reportAll();
    },
    changed: async (object: KubeObject) => {
      const service = this.enter(object);
      if (service !== undefined) await this.report(service);
    },
    deleted: async (object: KubeObject) => {
      const service = serviceOf(object);
      if (service === undefined) return;
      this.ready.get(service)?.delete(object.metadata.name);
      await this.report(service);
    },
  };

  private enter(object: KubeObject): string | undefined {
    const service = serviceOf(object);
    if (service === undefined) return undefined;
    const slices = this.ready.get(service) ?? new Map<string, boolean>();
    const { endpoints } = Slice.parse(object);
    // A condition that is not set is to be taken for ready (discovery.k8s.io/v1).
    slices.set(
      object.metadata.name,
      (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false),
    );
    this.ready.set(service, slices);
    return service;
  }

  private async reportAll(): Promise<void> {
    if (!this.hasServices || !this.hasSlices) return;
    const all = [...this.known.keys()].map((service) => [service, this.sightings(service)] as const);
    this.reported = new Map(all.map(([service, sightings]) => [service, sightings.map(({ key }) => key)]));
    await this.sink.snapshot(all.flatMap(([, sightings]) => sightings));
  }

  private async report(service: string): Promise<void> {
    if (!this.hasServices || !this.hasSlices) return;
    const sightings = this.sightings(service);
    const keys = sightings.map(({ key }) => key);
    const before = this.reported.get(service) ?? [];
    this.reported.set(service, keys);
    for (const sighting of sightings) await this.sink.upsert(sighting);
    for (const key of before) if (!keys.includes(key)) await this.sink.remove(key);
  }

  private sightings(service: string): Sighting[] {
    const object = this.known.get(service);
    const isReady = [...(this.ready.get(service)?.values() ?? [])].some(Boolean);
    return object && isReady ? serviceSightings(object, this.settings, this.io) : [];
  }
}

function serviceOf({ metadata }: KubeObject): string | undefined {
  const service = metadata.labels?.['kubernetes.io/service-name'];
  return service === undefined ? undefined : `${metadata.namespace ?? 'default'}/${service}`;
}

function serviceSightings(object: KubeObject, { clusterDomain }: Settings, io: SourceIo): Sighting[] {
  const { name, namespace = 'default', labels, annotations } = object.metadata;
  const said = { ...labels, ...annotations };
  const ports = ServiceSpec.parse(object['spec'] ?? {}).ports ?? [];
  const host = `${name}.${namespace}.svc.${clusterDomain}`;
  const labelled = readLabels(said);
  const sighting = (port: number, path: string): Sighting => ({
    key: `${namespace}/${name}/${port}`,
    name: labelled?.name ?? name,
    endpoint: urlEndpoint(labelled?.kind ?? 'http', host, port, path),
    labels: { ...said, 'kubernetes.namespace': namespace },
  });
  const speaking = ports.filter(({ appProtocol }) => appProtocol !== undefined && appProtocol in APP_PROTOCOLS);
  if (speaking.length > 0)
    return speaking.map(({ port, appProtocol = '' }) =>
      sighting(port, said[APP_PROTOCOLS[appProtocol] ?? ''] ?? labelled?.path ?? '/mcp'),
    );
  if (!isMcpServer(said)) return [];
  const port = labelled?.port ?? (ports.length === 1 ? ports[0]?.port : ports.find((one) => one.name === 'mcp')?.port);
  if (!labelled || port === undefined) {
    io.warn(`the service ${namespace}/${name} is passed over: set mcp.port, or a transport that has an address`);
    return [];
  }
  return [sighting(port, labelled.path)];
}
