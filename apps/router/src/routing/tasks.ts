import { AppError, elementsOf, ENVELOPE, memberAt, membersOf, type Principal, type RpcText } from '@mcp-router/shared';
import { errorCodeOf } from '../translation/results';
import { paramText, stringParam } from '../translation/envelope';
import { outcomeOf, requestText } from '../upstreams/message';
import type { Era, Upstream, UpstreamInfo } from '../upstreams/upstream';
import type { Call, LegacyCall } from './call';
import type { Directory } from './directory';
import { methodNotFound, resultResponse } from './response';
import type { VirtualServers } from '../virtual-servers/virtual-servers.service';
import type { TaskOwners } from './task-owners';

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

const METHODS: Record<Era, ReadonlySet<string>> = {
  legacy: new Set(['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel']),
  modern: new Set(['tasks/get', 'tasks/update', 'tasks/cancel']),
};

/** Pages of servers that one page of the aggregate is looked for in. */
const MAX_READS = 16;
/** A server that is slower than this is left out of the aggregate's list, in milliseconds. */
const LIST_TIMEOUT_MS = 5_000;

/** Carries the request to a server as it is. */
type Send = (upstream: Upstream) => Promise<string>;

/** Requests about tasks: the experimental ones of 2025-11-25 and those of the extension, each to servers of its era. */
export class Tasks {
  constructor(
    private readonly directory: Directory,
    private readonly owners: TaskOwners,
    private readonly virtuals: VirtualServers,
  ) {}

  /**
   * Answers a `tasks/…` request. A caller sees its own tasks only.
   *
   * @throws AppError `method_not_found` where the server's era has none of this, `missing_capability`, `invalid_request`
   */
  async route(call: Call, send: Send): Promise<string> {
    if (!METHODS[call.era].has(call.method)) throw methodNotFound(call.method);
    if (call.era === 'modern') requireExtension(call.envelope.capabilities);
    else if (call.method === 'tasks/list') return this.list(call, send);
    const taskId = stringParam(call.request, ['taskId']);
    if (taskId === undefined) throw new AppError('invalid_request', 'params.taskId is missing');
    const owner = await this.owners.ownerOf(taskId, call.principal);
    const own = call.endpoint === undefined ? undefined : this.directory.upstream(call.endpoint);
    // On a connection of its own an agent may ask for what it likes; a shared one would answer about anybody's tasks.
    const upstream = own && own.isolation !== 'shared' ? own : this.upstreamOf(owner, call.endpoint);
    if (!upstream) throw new AppError('invalid_request', `Unknown task: ${taskId}`);
    const info = upstream.info ?? (await upstream.ready(call.signal));
    if (info.era !== call.era) throw methodNotFound(call.method);
    return send(upstream);
  }

  /** The tasks of a wish to be told of some that this caller made and whose server tells of tasks, by server. */
  async followed(
    taskIds: readonly string[],
    endpoint: string | undefined,
    principal: Principal,
  ): Promise<Map<Upstream, string[]>> {
    const found = new Map<Upstream, string[]>();
    for (const taskId of taskIds) {
      const upstream = this.upstreamOf(await this.owners.ownerOf(taskId, principal), endpoint);
      if (upstream?.info?.era === 'modern') found.set(upstream, [...(found.get(upstream) ?? []), taskId]);
    }
    return found;
  }

  private upstreamOf(owner: string | undefined, endpoint: string | undefined): Upstream | undefined {
    if (owner === undefined || !this.virtuals.covers(endpoint, owner)) return undefined;
    return this.directory.upstream(owner);
  }

  private async list(call: LegacyCall, send: Send): Promise<string> {
    const { endpoint } = call;
    const upstream = endpoint === undefined ? undefined : this.directory.upstream(endpoint);
    if (endpoint === undefined || (!upstream && this.virtuals.view(endpoint))) return this.listAll(call);
    if (!upstream) throw new AppError('server_not_found', `No server is called "${endpoint}"`);
    const info = upstream.info ?? (await upstream.ready(call.signal));
    if (!listsTasks(info)) throw methodNotFound(call.method);
    const response = await send(upstream);
    if (upstream.isolation !== 'shared' || errorCodeOf(response) !== undefined) return response;
    const { start, end } = memberAt(response, ['result', 'tasks']) ?? { start: 0, end: 0 };
    if (end === 0) return response;
    const own = await this.ownTasks(response.slice(start, end), endpoint, call.principal);
    return `${response.slice(0, start)}[${own.join(',')}]${response.slice(end)}`;
  }

  /** One page of all servers' tasks, server by server; the cursor names the server and its own cursor. */
  private async listAll(call: LegacyCall): Promise<string> {
    const begin = cursorOf(call.request);
    const servers = this.directory
      .upstreams()
      .filter(({ slug }) => this.virtuals.covers(call.endpoint, slug))
      .filter(({ slug, info }) => info !== undefined && listsTasks(info) && slug >= (begin?.slug ?? ''));
    if (begin && servers[0]?.slug !== begin.slug) throw badCursor();
    let cursor = begin?.cursor;
    const tasks: string[] = [];
    for (let reads = 0; ; reads++) {
      const [upstream] = servers;
      if (!upstream) return resultResponse(call.id, `{"tasks":[${tasks.join(',')}]}`);
      if (tasks.length > 0 || reads === MAX_READS) {
        const next = Buffer.from(JSON.stringify([upstream.slug, cursor ?? null])).toString('base64url');
        return resultResponse(call.id, `{"tasks":[${tasks.join(',')}],"nextCursor":"${next}"}`);
      }
      const page = await this.readPage(call, upstream, cursor);
      // The first page of a request is what its cursor asked for; elsewhere a server that fails is left out.
      if (!page && reads === 0 && begin?.cursor !== undefined) throw badCursor();
      tasks.push(...(page?.tasks ?? []));
      cursor = page?.next;
      if (cursor === undefined) servers.shift();
    }
  }

  private async readPage(
    { principal, session, signal }: LegacyCall,
    upstream: Upstream,
    cursor: string | undefined,
  ): Promise<{ tasks: string[]; next: string | undefined } | undefined> {
    const message = requestText('1', 'tasks/list', cursor === undefined ? {} : { cursor });
    try {
      const caller = { principal, sessionKey: session.id, clientCapabilities: session.client.capabilities };
      const outcome = outcomeOf(await upstream.exchange({ ...caller, message, signal, timeoutMs: LIST_TIMEOUT_MS }));
      if ('error' in outcome) return undefined;
      const { result } = outcome;
      const member = memberAt(result, ['tasks']);
      const next = memberAt(result, ['nextCursor']);
      return {
        tasks: member ? await this.ownTasks(result.slice(member.start, member.end), upstream.slug, principal) : [],
        next:
          next && result[next.start] === '"' ? (JSON.parse(result.slice(next.start, next.end)) as string) : undefined,
      };
    } catch (error) {
      if (signal.aborted) throw error;
      return undefined;
    }
  }

  /** Of a server's tasks those that the caller made. @param list JSON array */
  private async ownTasks(list: string, slug: string, principal: Principal): Promise<string[]> {
    const tasks = elementsOf(list).map(({ start, end }) => list.slice(start, end));
    const isOwn = await Promise.all(
      tasks.map(async (task) => {
        const { taskId } = JSON.parse(task) as { taskId?: unknown };
        return typeof taskId === 'string' && (await this.owners.ownerOf(taskId, principal)) === slug;
      }),
    );
    return tasks.filter((_, i) => isOwn[i]);
  }
}

/** @param capabilities of the client, JSON text @throws AppError `missing_capability` without the tasks extension */
export function requireExtension(capabilities: string): void {
  const declared = memberAt(capabilities, ['extensions', TASKS_EXTENSION]);
  if (declared && capabilities[declared.start] === '{') return;
  throw new AppError('missing_capability', 'The client did not declare the tasks extension', {
    data: { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } },
  });
}

/** The capabilities that a modern request declares, JSON text. */
export function declaredIn(request: RpcText): string {
  const text = paramText(request, ['_meta', ENVELOPE.capabilities]) ?? '{}';
  return text.startsWith('{') && membersOf(text).length > 0 ? text : '{}';
}

function listsTasks({ era, capabilities }: UpstreamInfo): boolean {
  return era === 'legacy' && (capabilities['tasks'] as { list?: unknown } | undefined)?.list !== undefined;
}

interface TaskCursor {
  slug: string;
  /** Of that server; undefined for its first page. */
  cursor: string | undefined;
}

function cursorOf(request: RpcText): TaskCursor | undefined {
  const text = paramText(request, ['cursor']);
  if (text === undefined || text === 'null') return undefined;
  try {
    const [slug, cursor, ...rest] = JSON.parse(
      Buffer.from(stringParam(request, ['cursor']) ?? '', 'base64url').toString('utf8'),
    ) as unknown[];
    if (typeof slug === 'string' && (typeof cursor === 'string' || cursor === null) && rest.length === 0)
      return { slug, cursor: cursor ?? undefined };
  } catch {
    // It is none of ours.
  }
  throw badCursor();
}

function badCursor(): AppError {
  return new AppError('invalid_cursor', 'The cursor is not of this list, or what it stood for is gone');
}
