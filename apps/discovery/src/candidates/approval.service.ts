import { Inject, Injectable } from '@nestjs/common';
import { Bus, ENV, LOGGER, Outbound, readPages } from '@mcp-router/platform';
import {
  AppError,
  type Candidate,
  type CandidateApproval,
  type DiscoveryEvent,
  type NewServer,
  type Server,
  type ServerDefinition,
  addServer,
  discoveryChanged,
  listServers,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';
import type { DiscoveryEnv } from '../config';
import { SOURCES } from '../sources';
import { Filling, placeholdersIn } from '../sources/inputs';
import { SourcesStore } from '../sources/sources.store';
import { CandidatesStore } from './candidates.store';
import { normalUrl } from './identity';
import { mayApprove, slugOf } from './policy';

type NewDefinition = Omit<NewServer, 'slug'>;

/** Names are tried with a number behind them so often. */
const MOST_NAMES = 20;

/** Turns candidates into registered servers. */
@Injectable()
export class ApprovalService {
  constructor(
    private readonly store: CandidatesStore,
    private readonly sources: SourcesStore,
    private readonly bus: Bus,
    private readonly outbound: Outbound,
    @Inject(ENV) private readonly env: DiscoveryEnv,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * Registers a candidate with the router, or finds the server that it already is.
   * @throws AppError `conflict` for a package that is not to be installed, for one that is approved already, and when the
   * slug is taken; `invalid_request` when values are missing
   */
  async approve(
    id: string,
    approval: CandidateApproval,
    by: 'person' | 'policy',
  ): Promise<{ candidate: Candidate; server: Server }> {
    const candidate = await this.store.get(id);
    if (candidate.decision === 'approved')
      throw new AppError('conflict', `It is registered already as "${candidate.server ?? ''}"`);
    const server = (await this.registered(candidate)) ?? (await this.register(candidate, approval));
    await this.store.decide(id, 'approved', server.slug, by);
    this.tell('serverApproved', candidate, server.slug);
    return { candidate: await this.store.get(id), server };
  }

  /** Approves what the sources' policies allow; does nothing otherwise. */
  async approveByPolicy(id: string, isHealthy: boolean): Promise<void> {
    const { decision, endpoint } = await this.store.get(id);
    if (decision !== 'pending' || !mayApprove(endpoint.kind, isHealthy, await this.store.saysOf(id))) return;
    await this.approve(id, {}, 'policy');
  }

  async reject(id: string): Promise<Candidate> {
    await this.store.decide(id, 'rejected', null, 'person');
    const candidate = await this.store.get(id);
    this.tell('serverRejected', candidate);
    return candidate;
  }

  /** The registered server that is the same as the candidate. */
  private async registered({ endpoint }: Candidate): Promise<Server | undefined> {
    for await (const page of readPages(this.bus, listServers, { limit: 200 })) {
      const same = page.find((server) =>
        endpoint.kind === 'stdio'
          ? server.command === endpoint.command && JSON.stringify(server.args ?? []) === JSON.stringify(endpoint.args)
          : 'url' in endpoint && server.url !== undefined && normalUrl(server.url) === normalUrl(endpoint.url),
      );
      if (same) return same;
    }
    return undefined;
  }

  private async register(candidate: Candidate, approval: CandidateApproval): Promise<Server> {
    const { slug } = approval;
    // One source that wants it is enough.
    const isScanned = (await this.store.saysOf(candidate.id)).some(({ scanBeforeUse }) => scanBeforeUse);
    const definition = {
      ...(await this.definitionOf(candidate, approval)),
      ...(isScanned && { scanBeforeUse: true }),
    };
    const wanted = slug ?? slugOf(candidate.name);
    for (let i = 1; ; i++) {
      const server: NewServer = { ...definition, slug: i === 1 ? wanted : `${wanted}-${i}` };
      try {
        return await this.bus.call(addServer, { server, source: 'discovery' });
      } catch (error) {
        // A slug that somebody asked for is that one or none.
        if (slug !== undefined || i === MOST_NAMES || AppError.from(error).code !== 'conflict') throw error;
      }
    }
  }

  private async definitionOf(
    candidate: Candidate,
    { values = {}, install }: CandidateApproval,
  ): Promise<NewDefinition> {
    const { endpoint, description, name } = candidate;
    const about = { description: (description ?? `${name}, found by discovery`).slice(0, 2000) };
    const { inputs = [], template = {} } = await this.store.templateOf(candidate.id);
    if (endpoint.kind === 'package' && (install !== true || !template.command))
      throw new AppError('conflict', 'A package is never run by itself', { hint: hintFor(endpoint, template.command) });
    const own = await this.secretsOf(candidate);
    const filling = new Filling(own ? placeholdersIn(own) : inputs, values);
    const kept = (env: 'env' | 'headers') => {
      const map = { ...filling.openMap(template[env] ?? {}), ...filling.placeholderMap(own?.[env] ?? {}) };
      return Object.keys(map).length > 0 ? { [env]: map } : {};
    };
    if (endpoint.kind === 'package') {
      const [command = '', ...args] = (template.command ?? []).flatMap((word) => filling.open(word) ?? []);
      return { type: 'stdio', command, args, ...kept('env'), ...about };
    }
    if (endpoint.kind === 'stdio') {
      const [command, cwd] = [
        filling.placeholders(endpoint.command),
        endpoint.cwd && filling.placeholders(endpoint.cwd),
      ];
      const args = endpoint.args.map((arg) => filling.placeholders(arg));
      return { type: 'stdio', command, args, ...(cwd === undefined ? {} : { cwd }), ...kept('env'), ...about };
    }
    const type = candidate.protocolVersion === '2024-11-05' ? 'sse' : endpoint.kind;
    const url = own ? filling.placeholders(endpoint.url) : (filling.open(endpoint.url) ?? endpoint.url);
    return { type, url, ...kept('headers'), ...about };
  }

  /** Values of variables and headers stay where they were found until now. */
  private async secretsOf({ provenances }: Candidate): Promise<Partial<ServerDefinition> | undefined> {
    for (const { sourceId, type, key } of provenances) {
      const source = SOURCES.find((one) => one.type === type);
      if (!source?.definition) continue;
      const { settings } = await this.sources.get(sourceId);
      const io = {
        outbound: this.outbound,
        signal: AbortSignal.timeout(this.env.PROBE_TIMEOUT_MS),
        memory: { read: () => this.sources.readMemory(sourceId), write: async () => undefined },
        warn: (message: string) => this.log.warn(message),
      };
      const definition = await source.definition(source.settings.parse(settings), key, io);
      if (definition) return definition;
    }
    return undefined;
  }

  private tell(type: DiscoveryEvent['type'], { id, name }: Candidate, server?: string): void {
    const event = { id: uuid(), at: new Date().toISOString(), type, candidateId: id, name };
    this.bus.record(discoveryChanged, server === undefined ? event : { ...event, server });
  }
}

function hintFor({ identifier }: { identifier: string }, command: string[] | undefined): string {
  if (!command) return `Install ${identifier} yourself and register its command with POST /api/v1/servers`;
  return `{"install": true} registers what its publisher suggests: ${command.join(' ')}`;
}
