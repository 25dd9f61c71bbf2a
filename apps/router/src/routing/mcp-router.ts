import type { OnApplicationShutdown } from '@nestjs/common';
import { AppError, isToolAllowed, memberAt, type Principal, type RpcText } from '@mcp-router/shared';
import { failureOf, type CallRecorder } from '../calls/call-recorder';
import type { Catalogue } from '../catalogue/catalogue';
import type { CatalogueFeed } from '../catalogue/catalogue-feed';
import type { CatalogueItem, CatalogueKind } from '../catalogue/catalogue-item';
import { publicName } from '../catalogue/public-name';
import type { Quarantine } from '../quarantine/quarantine';
import { edited, paramText, stringParam } from '../translation/envelope';
import { toDiscoverResult, toInitializeResult } from '../translation/handshake';
import { wantsSameHeaders } from '../translation/header-params';
import type { Upstream } from '../upstreams/upstream';
import type { Call } from './call';
import { CallNotes } from './call-notes';
import type { Directory } from './directory';
import { describeAll, describeServer } from './endpoint';
import type { Forwarder } from './forwarder';
import type { LinkOwners } from './link-owners';
import { ListBook } from './list-book';
import type { ListResult } from './paged-list';
import { methodNotFound } from './response';
import type { Tasks } from './tasks';
import type { VirtualServers } from '../virtual-servers/virtual-servers.service';
import type { Visibility } from './visibility';

/** As the call log writes it. */
const HEADER_MISMATCH = '-32020';

/** The lists that are answered from the catalogue, by method. */
export const LISTS: Record<string, CatalogueKind | undefined> = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
};

/** What the old era does not know: its sessions have other ways. */
const MODERN_ONLY = new Set(['server/discover', 'subscriptions/listen']);

const CAPABILITY_OF: Record<CatalogueKind, string> = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  resourceTemplates: 'resources',
};

export interface ListLimits {
  /** Most items of one page. */
  pageSize: number;
  /** How long a client waits for the first list of a server that is starting, in milliseconds. */
  patienceMs: number;
}

/** Carries a request to a server. */
type Send = (upstream: Upstream, request: RpcText) => Promise<string>;

/** Finds the server that a request is for, and answers what needs none. */
export class McpRouter implements OnApplicationShutdown {
  private readonly book: ListBook;
  private readonly notes: CallNotes;

  constructor(
    readonly directory: Directory,
    private readonly catalogue: Catalogue,
    private readonly forwarder: Forwarder,
    recorder: CallRecorder,
    readonly tasks: Tasks,
    private readonly visibility: Visibility,
    private readonly quarantine: Quarantine,
    private readonly virtuals: VirtualServers,
    private readonly feed: CatalogueFeed,
    private readonly links: LinkOwners,
    private readonly limits: ListLimits,
  ) {
    this.notes = new CallNotes(recorder, catalogue);
    this.book = new ListBook(catalogue, virtuals, directory, visibility, quarantine, limits.pageSize);
  }

  /** What was answered last is recorded before the bus goes. */
  onApplicationShutdown(): void {
    this.notes.record();
  }

  /** The server of `/mcp/{slug}`. @throws AppError `server_not_found` */
  serverOf(slug: string): Upstream {
    const upstream = this.directory.upstream(slug);
    if (!upstream) throw new AppError('server_not_found', `No server is called "${slug}"`);
    return upstream;
  }

  /**
   * The one server behind an endpoint; `undefined` on the aggregate and on virtual servers.
   *
   * @throws AppError `server_not_found`
   */
  single(endpoint: string | undefined): Upstream | undefined {
    return endpoint === undefined || this.virtuals.view(endpoint) ? undefined : this.serverOf(endpoint);
  }

  /** The servers behind an endpoint. @throws AppError `server_not_found` */
  serversOf(endpoint: string | undefined): Upstream[] {
    const upstream = this.single(endpoint);
    return upstream
      ? [upstream]
      : this.directory.upstreams().filter(({ slug }) => this.virtuals.covers(endpoint, slug));
  }

  /** The result of `initialize`, JSON text. */
  async initialize(endpoint: string | undefined, version: string): Promise<string> {
    const { handshake, era } = await this.describe(endpoint);
    return JSON.stringify(toInitializeResult(handshake, version, era));
  }

  /** The result of `server/discover`, JSON text. */
  async discover(endpoint: string | undefined): Promise<string> {
    const { handshake, era } = await this.describe(endpoint);
    return JSON.stringify(toDiscoverResult(handshake, era));
  }

  private describe(endpoint: string | undefined): ReturnType<typeof describeServer> {
    const upstream = this.single(endpoint);
    return upstream ? describeServer(upstream) : Promise.resolve(describeAll(this.serversOf(endpoint), endpoint));
  }

  /**
   * The page of a list that a request asks for. On the aggregate what is ready is given at once; a single server that
   * is starting is waited for.
   *
   * @throws AppError `invalid_cursor`, `method_not_found` when the server has no such list
   */
  async list(call: Call, kind: CatalogueKind): Promise<ListResult> {
    const cursor = cursorOf(call.request);
    const upstream = this.single(call.endpoint);
    if (upstream) {
      const info = upstream.info ?? (await upstream.ready(call.signal));
      if (info.capabilities[CAPABILITY_OF[kind]] === undefined) throw methodNotFound(call.method);
      await this.feed.firstReading(upstream.slug, kind, this.limits.patienceMs, call.signal);
    }
    return this.book.list(kind, call.endpoint, call.era, call.principal, cursor);
  }

  /** Answers any other request. @returns the response, for the client's era */
  route(call: Call): Promise<string> {
    return call.method === 'tools/call' ? this.callTool(call) : this.routeNoted(call);
  }

  /** What no server gets is noted as well as what one answers. */
  private async routeNoted(call: Call): Promise<string> {
    const startedAt = performance.now();
    const course = { isSent: false };
    const send: Send = (upstream, request) => {
      course.isSent = true;
      return this.send(call, upstream, request);
    };
    try {
      return await this.routeBy(call, send);
    } catch (thrown) {
      const failure = failureOf(AppError.from(thrown), { isThere: true, isCancelled: call.signal.aborted });
      if (!course.isSent) this.notes.add(call, { server: undefined, startedAt, responseBytes: 0, ...failure });
      throw thrown;
    }
  }

  private routeBy(call: Call, send: Send): Promise<string> {
    switch (call.method) {
      case 'prompts/get':
        return this.getPrompt(call, send);
      case 'resources/read':
        return this.readResource(call, send);
      case 'completion/complete':
        return this.complete(call, send);
      default:
        return this.routeOther(call, send);
    }
  }

  /**
   * The server of a resource, listed or only linked to in an answer to this caller.
   *
   * @throws AppError `resource_not_found` when none has it
   */
  async ownerOf(endpoint: string | undefined, uri: string | undefined, principal: Principal): Promise<Upstream> {
    const single = this.single(endpoint);
    if (single) return single;
    const upstream = uri === undefined ? undefined : await this.findOwner(endpoint, uri, principal);
    if (!upstream) throw new AppError('resource_not_found', `No server has the resource "${uri ?? ''}"`);
    return upstream;
  }

  private async findOwner(
    endpoint: string | undefined,
    uri: string,
    principal: Principal,
  ): Promise<Upstream | undefined> {
    const owners = this.catalogue.ownersOf(uri);
    const linked = owners.length > 0 ? this.links.known(uri, principal) : await this.links.find(uri, principal);
    // A link chooses between servers that say they have it, and speaks for itself only where none does.
    const isTaken = linked !== undefined && (owners.length === 0 || owners.includes(linked));
    for (const slug of isTaken ? [linked, ...owners] : owners) {
      const upstream = this.virtuals.covers(endpoint, slug) ? this.directory.upstream(slug) : undefined;
      if (upstream) return upstream;
    }
    return undefined;
  }

  private async readResource(call: Call, send: Send): Promise<string> {
    const upstream = await this.ownerOf(call.endpoint, stringParam(call.request, ['uri']), call.principal);
    return send(upstream, call.request);
  }

  private async callTool(call: Call): Promise<string> {
    const startedAt = performance.now();
    const { request, endpoint } = call;
    const member = request.params && memberAt(request.text, ['name'], request.params.start);
    if (!member || request.text[member.start] !== '"') throw new AppError('invalid_request', 'params.name is missing');
    const name = JSON.parse(request.text.slice(member.start, member.end)) as string;
    const view = endpoint === undefined ? undefined : this.virtuals.view(endpoint);
    const item = this.find('tools', endpoint, name);
    // The server of an endpoint, where it is one: a tool that it does not list may exist at it all the same.
    const own = view ? undefined : endpoint;
    const slug = own ?? item?.server;
    const shown = item?.publicName ?? (own === undefined ? name : publicName(own, name));
    try {
      const isVisible = item
        ? this.visibility.isVisible(item, call.principal)
        : own !== undefined && isToolAllowed(call.principal.policy, shown);
      if (slug === undefined || !isVisible) throw new AppError('tool_not_found', `Unknown tool: ${name}`);
      const nameThere = item?.name ?? name;
      if (this.quarantine.concerns(slug, nameThere, item !== undefined))
        await this.quarantine.admit(slug, nameThere, item !== undefined, call.signal);
      const message =
        endpoint === undefined && item
          ? edited(request, [{ start: member.start, end: member.end, text: JSON.stringify(item.name) }])
          : request;
      const response = await this.forwarder.forward(call, this.serverOf(slug), message, item);
      const facts = this.notes.factsOf(response, slug, shown, startedAt);
      const again =
        facts.errorCode === HEADER_MISMATCH && item ? await this.callAsListedNow(call, message, item) : undefined;
      this.notes.add(call, again === undefined ? facts : this.notes.factsOf(again, slug, shown, startedAt));
      return again ?? response;
    } catch (thrown) {
      const error = AppError.from(thrown);
      this.notes.add(call, {
        server: slug,
        tool: shown,
        startedAt,
        responseBytes: 0,
        ...failureOf(error, { isThere: slug !== undefined, isCancelled: call.signal.aborted }),
      });
      throw error;
    }
  }

  /**
   * A server of 2026-07-28 that missed a header has refused before it did anything: its tools are read anew, and the
   * call is made once more if they want other headers than they did (streamable-http, "Client Behavior").
   *
   * @param item the tool as it was called
   * @returns undefined where that would change nothing
   */
  private async callAsListedNow(call: Call, message: RpcText, item: CatalogueItem): Promise<string | undefined> {
    const { server, name } = item;
    const upstream = this.serverOf(server);
    if (upstream.info?.era !== 'modern') return undefined;
    await this.feed.reread(server, 'tools', this.limits.patienceMs, call.signal).catch(() => undefined);
    const now = this.catalogue.findAt(server, 'tools', name);
    if (!now || wantsSameHeaders(item.text, now.text)) return undefined;
    if (this.quarantine.concerns(server, name, true)) await this.quarantine.admit(server, name, true, call.signal);
    return this.forwarder.forward(call, upstream, message, now);
  }

  /** Carries any other request to a server, and notes it. */
  private async send(call: Call, upstream: Upstream, request: RpcText): Promise<string> {
    const startedAt = performance.now();
    const server = upstream.slug;
    try {
      const response = await this.forwarder.forward(call, upstream, request);
      this.notes.add(call, this.notes.factsOf(response, server, undefined, startedAt));
      return response;
    } catch (thrown) {
      const failure = failureOf(AppError.from(thrown), { isThere: true, isCancelled: call.signal.aborted });
      this.notes.add(call, { server, startedAt, responseBytes: 0, ...failure });
      throw thrown;
    }
  }

  /** What an endpoint has under a name. */
  private find(kind: 'tools' | 'prompts', endpoint: string | undefined, name: string): CatalogueItem | undefined {
    if (endpoint === undefined) return this.catalogue.find(kind, name);
    const view = this.virtuals.view(endpoint);
    return view ? view[kind].get(name) : this.catalogue.findAt(endpoint, kind, name);
  }

  private async getPrompt(call: Call, send: Send): Promise<string> {
    const upstream = this.single(call.endpoint);
    if (upstream) return send(upstream, call.request);
    return this.forwardPrompt(call, ['name'], stringParam(call.request, ['name']) ?? '', send);
  }

  private async complete(call: Call, send: Send): Promise<string> {
    const { endpoint, request, principal } = call;
    const name = this.single(endpoint) ? undefined : stringParam(request, ['ref', 'name']);
    if (name !== undefined) return this.forwardPrompt(call, ['ref', 'name'], name, send);
    return send(await this.ownerOf(endpoint, stringParam(request, ['ref', 'uri']), principal), request);
  }

  private forwardPrompt(call: Call, path: readonly string[], name: string, send: Send): Promise<string> {
    const item = this.find('prompts', call.endpoint, name);
    if (!item) throw new AppError('invalid_request', `Unknown prompt: ${name}`);
    return send(this.serverOf(item.server), renamed(call.request, path, item.name));
  }

  /** Methods nobody here knows: a server of one's own may answer them. */
  private async routeOther(call: Call, send: Send): Promise<string> {
    if (call.era === 'legacy' && MODERN_ONLY.has(call.method)) throw methodNotFound(call.method);
    if (call.method.startsWith('tasks/')) return this.tasks.route(call, (upstream) => send(upstream, call.request));
    const upstream = this.single(call.endpoint);
    if (upstream) return send(upstream, call.request);
    throw methodNotFound(call.method);
  }
}

/** Where a page begins. @throws AppError `invalid_cursor` when that is no string */
function cursorOf(request: RpcText): string | undefined {
  const written = paramText(request, ['cursor']);
  // Some clients write null for what they do not send.
  if (written === undefined || written === 'null') return undefined;
  if (!written.startsWith('"')) throw new AppError('invalid_cursor', 'params.cursor is not a string');
  return JSON.parse(written) as string;
}

function renamed(request: RpcText, path: readonly string[], name: string): RpcText {
  const member = request.params && memberAt(request.text, path, request.params.start);
  return member ? edited(request, [{ start: member.start, end: member.end, text: JSON.stringify(name) }]) : request;
}
