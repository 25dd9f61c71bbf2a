import type { Server, ServerAuthorization } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import type { GroupUsage } from '../processes/reaper';
import type { SupervisedUpstream } from '../upstreams/supervised-upstream';
import type { Upstream } from '../upstreams/upstream';
import type { RegisteredServer } from './registered-server';

/** A server as REST shows it: of `env` and `headers` the names only. */
export function serverView(
  server: RegisteredServer,
  upstream: Upstream | undefined,
  catalogue: Catalogue,
  usage: Map<number, GroupUsage>,
  heldTools: string[],
  authorization?: ServerAuthorization,
): Server {
  const { definition } = server;
  const { command, args, cwd, url, description } = definition;
  return {
    id: server.id,
    slug: server.slug,
    type: url === undefined ? 'stdio' : definition.type === 'sse' ? 'sse' : 'http',
    source: server.source,
    ...(description !== undefined && { description }),
    enabled: definition.enabled ?? true,
    ...(command !== undefined && { command }),
    ...(args && { args }),
    ...(cwd !== undefined && { cwd }),
    ...(url !== undefined && { url }),
    envNames: Object.keys(definition.env ?? {}).sort(),
    headerNames: Object.keys(definition.headers ?? {}).sort(),
    ...(authorization && { authorization }),
    isolation: definition.isolation ?? 'shared',
    ...(definition.scanBeforeUse && { scanBeforeUse: true }),
    ...(heldTools.length > 0 && { heldTools }),
    state: upstream?.state ?? (definition.enabled === false ? 'disabled' : 'unreachable'),
    lastError: server.fault ?? upstream?.lastError ?? null,
    nextRetryAt: upstream?.nextRetryAt?.toISOString() ?? null,
    era: upstream?.info?.era ?? null,
    protocolVersion: upstream?.info?.protocolVersion ?? null,
    serverInfo: upstream?.info?.serverInfo ?? null,
    counts: catalogue.counts(server.slug),
    instances: instancesOf(upstream, usage),
    version: server.version,
    createdAt: server.createdAt.toISOString(),
    updatedAt: server.updatedAt.toISOString(),
  };
}

function instancesOf(upstream: Upstream | undefined, usage: Map<number, GroupUsage>): Server['instances'] {
  if (!upstream || !isSupervised(upstream)) return [];
  return upstream.connections.map(({ key, pid }) => {
    const used = pid === undefined ? undefined : usage.get(pid);
    return {
      key,
      ...(pid !== undefined && { pid }),
      ...(used && { rssBytes: used.rssBytes, cpuMs: Math.round(used.cpuMs) }),
    };
  });
}

function isSupervised(upstream: Upstream): upstream is SupervisedUpstream {
  return 'connections' in upstream;
}
