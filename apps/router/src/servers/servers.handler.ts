import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import {
  addServer,
  AppError,
  configStatus,
  startAfter,
  Slug,
  followServerLogs,
  getServer,
  listServers,
  probeServer,
  readServerLogs,
  removeServer,
  restartServer,
  rotateSecretKey,
  setServerEnabled,
  toPage,
  updateServer,
  type Page,
  type Server,
  type ServerProbe,
} from '@mcp-router/shared';
import { Observable } from 'rxjs';
import type { z } from 'zod';
import { Catalogue } from '../catalogue/catalogue';
import type { LogRing } from '../processes/log-ring';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { Quarantine } from '../quarantine/quarantine';
import type { RegisteredServer } from './registered-server';
import { serverView } from './server-view';
import { ServersService } from './servers.service';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class ServersHandler {
  constructor(
    private readonly servers: ServersService,
    private readonly upstreams: UpstreamRegistry,
    private readonly catalogue: Catalogue,
    private readonly quarantine: Quarantine,
  ) {}

  @Handles(listServers)
  async list({ cursor, limit, state, source }: Input<typeof listServers>): Promise<Page<Server>> {
    const after = startAfter(cursor, (key) => Slug.safeParse(key).success);
    const views = await this.views(this.servers.list());
    const wanted = views.filter(
      (server) =>
        server.slug > after &&
        (state === undefined || server.state === state) &&
        (source === undefined || server.source === source),
    );
    return toPage(wanted.slice(0, limit + 1), limit, ({ slug }) => slug);
  }

  @Handles(getServer)
  get({ server }: Input<typeof getServer>): Promise<Server> {
    return this.view(this.servers.get(server));
  }

  @Handles(addServer)
  async add({ server, source }: Input<typeof addServer>): Promise<Server> {
    return this.view(await this.servers.add(server, source));
  }

  @Handles(updateServer)
  async update({ server, changes, ifMatch }: Input<typeof updateServer>): Promise<Server> {
    return this.view(await this.servers.update(server, changes, ifMatch));
  }

  @Handles(removeServer)
  async remove({ server }: Input<typeof removeServer>): Promise<Record<string, never>> {
    await this.servers.remove(server);
    return {};
  }

  @Handles(restartServer)
  async restart({ server }: Input<typeof restartServer>): Promise<Server> {
    return this.view(await this.servers.restart(server));
  }

  @Handles(setServerEnabled)
  async setEnabled({ server, enabled }: Input<typeof setServerEnabled>): Promise<Server> {
    return this.view(await this.servers.update(server, { enabled }));
  }

  @Handles(readServerLogs)
  readLogs({ server, tailBytes }: Input<typeof readServerLogs>): Promise<{ text: string }> {
    return Promise.resolve({ text: this.logsOf(server).read(tailBytes) });
  }

  @Handles(followServerLogs)
  followLogs({ server, tailBytes }: Input<typeof followServerLogs>, context: BusContext): Observable<{ text: string }> {
    context.markEndless?.();
    return new Observable((caller) => {
      const logs = this.logsOf(server);
      if (tailBytes > 0) caller.next({ text: logs.read(tailBytes) });
      return logs.follow((text) => caller.next({ text }));
    });
  }

  @Handles(configStatus)
  config(): Promise<z.output<typeof configStatus.output>> {
    const { file, exists, loadedAt, faults } = this.servers.configState;
    const servers = this.servers.list().filter(({ source }) => source === 'file');
    return Promise.resolve({
      file,
      exists,
      loadedAt: loadedAt?.toISOString() ?? null,
      faults: faults.map(({ message, line, column }) => ({
        file,
        message,
        ...(line !== undefined && { line }),
        ...(column !== undefined && { column }),
      })),
      servers: servers.map(({ slug }) => slug),
    });
  }

  @Handles(rotateSecretKey)
  rotate(): Promise<{ keyId: string; servers: number }> {
    return this.servers.rotateKey();
  }

  @Handles(probeServer)
  async probe({ server, timeoutMs }: Input<typeof probeServer>): Promise<ServerProbe> {
    const { slug } = this.servers.get(server);
    const upstream = this.upstreams.supervisedBy(slug);
    const result = (ok: boolean, latencyMs: number | null, error: ServerProbe['error']): ServerProbe => ({
      ok,
      state: upstream?.state ?? 'unreachable',
      era: upstream?.info?.era ?? null,
      protocolVersion: upstream?.info?.protocolVersion ?? null,
      latencyMs,
      counts: upstream?.info ? this.catalogue.counts(slug) : null,
      error,
    });
    const builtin = upstream ? undefined : this.upstreams.get(slug);
    if (builtin) return { ...result(true, null, null), state: builtin.state, counts: this.catalogue.counts(slug) };
    if (!upstream) return result(false, null, { code: 'upstream_unavailable', detail: 'The server is not running' });
    const { state } = upstream;
    if (state === 'stopped' || state === 'disabled') return result(state === 'stopped', null, null);
    if (state === 'unreachable') {
      const detail = upstream.lastError ?? 'The server is not reachable';
      return result(false, null, { code: 'upstream_unavailable', detail });
    }
    try {
      return result(true, await upstream.probe(timeoutMs), null);
    } catch (error) {
      const { code, detail } = AppError.from(error);
      return result(false, null, { code, detail });
    }
  }

  private logsOf(ref: string): LogRing {
    const { slug } = this.servers.get(ref);
    const upstream = this.upstreams.supervisedBy(slug);
    if (!upstream) throw new AppError('conflict', `"${slug}" has no log`);
    return upstream.logs;
  }

  private async view(server: RegisteredServer): Promise<Server> {
    const [view] = await this.views([server]);
    return view as Server;
  }

  private async views(servers: readonly RegisteredServer[]): Promise<Server[]> {
    const pids = servers
      .flatMap(({ slug }) => this.upstreams.supervisedBy(slug)?.connections ?? [])
      .flatMap(({ pid }) => pid ?? []);
    const usage = await this.upstreams.reaper.usage(pids);
    return servers.map((server) =>
      serverView(
        server,
        this.upstreams.get(server.slug),
        this.catalogue,
        usage,
        this.quarantine.heldOf(server.slug),
        this.upstreams.authorizerOf(server.slug)?.view,
      ),
    );
  }
}
