import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { metrics } from '@mcp-router/platform';
import { Catalogue } from '../catalogue/catalogue';
import { KINDS } from '../catalogue/catalogue-item';
import { UpstreamRegistry } from './upstream-registry';

const CHARACTERS_A_TOKEN = 4;
const USAGE_MS = 10_000;

const inFlight = metrics.gauge('mcp_router_in_flight', 'Calls at a server now', ['server']);
const queued = metrics.gauge('mcp_router_queue_depth', 'Calls that wait for a place at a server', ['server']);
const circuit = metrics.gauge('mcp_router_circuit_open', '1 while calls to a server are refused at once', ['server']);
const states = metrics.gauge('mcp_router_server_state', '1 for the state that a server is in', ['server', 'state']);
const connections = metrics.gauge('mcp_router_connections', 'Connections and processes of a server', ['server']);
const size = metrics.gauge('mcp_router_catalogue_items', 'What a server offers', ['server', 'kind']);
const revision = metrics.counter('mcp_router_catalogue_revision_total', 'Changes of the catalogue');
const definitions = metrics.gauge(
  'mcp_router_definition_tokens',
  'Estimated tokens that the definitions of the tools of a server take in a model’s context',
  ['server'],
);
const memory = metrics.gauge('mcp_router_child_resident_memory_bytes', 'Resident memory of the processes of a server', [
  'server',
]);
const cpu = metrics.counter('mcp_router_child_cpu_seconds_total', 'CPU time of the processes of a server', ['server']);

const PER_SERVER = [inFlight, queued, circuit, states, connections, size, definitions];

/** What is known of servers anyway, looked up when metrics are read: calls pay nothing for it. */
@Injectable()
export class UpstreamMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  private definitionsAt = -1;
  private tokens = new Map<string, number>();
  /** CPU of each process group at the last look, in milliseconds. */
  private cpuBefore = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly registry: UpstreamRegistry,
    private readonly catalogue: Catalogue,
  ) {}

  onApplicationBootstrap(): void {
    metrics.onRead(() => this.read());
    this.timer = setInterval(() => void this.measureChildren(), USAGE_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Brings the gauges up to now. */
  read(): void {
    for (const family of PER_SERVER) family.forget(() => true);
    this.countTokens();
    revision.with().value = this.catalogue.revision;
    for (const { slug, state } of this.registry.all()) {
      states.with(slug, state).set(1);
      const counts = this.catalogue.counts(slug);
      for (const kind of KINDS) size.with(slug, kind).set(counts[kind]);
      definitions.with(slug).set(this.tokens.get(slug) ?? 0);
      const upstream = this.registry.supervisedBy(slug);
      if (!upstream) continue;
      inFlight.with(slug).set(upstream.inFlight);
      queued.with(slug).set(upstream.queueDepth);
      circuit.with(slug).set(upstream.isCircuitOpen ? 1 : 0);
      connections.with(slug).set(upstream.connections.length);
    }
  }

  /** Looks at the processes of stdio servers. */
  async measureChildren(): Promise<void> {
    const groups = new Map<number, string>();
    for (const { slug } of this.registry.all())
      for (const { pid } of this.registry.supervisedBy(slug)?.connections ?? [])
        if (pid !== undefined) groups.set(pid, slug);
    const usage = await this.registry.reaper.usage([...groups.keys()]);
    const before = this.cpuBefore;
    this.cpuBefore = new Map();
    memory.forget(() => true);
    for (const [group, { rssBytes, cpuMs }] of usage) {
      const slug = groups.get(group) ?? '';
      this.cpuBefore.set(group, cpuMs);
      memory.with(slug).add(rssBytes);
      // A process of the group that ended takes its time along.
      cpu.with(slug).add(Math.max(0, cpuMs - (before.get(group) ?? 0)) / 1000);
    }
  }

  private countTokens(): void {
    if (this.definitionsAt === this.catalogue.revision) return;
    this.definitionsAt = this.catalogue.revision;
    this.tokens = new Map();
    for (const slug of this.catalogue.slugs) {
      let characters = 0;
      for (const { text } of this.catalogue.itemsOf(slug, 'tools')) characters += text.length;
      this.tokens.set(slug, Math.ceil(characters / CHARACTERS_A_TOKEN));
    }
  }
}
