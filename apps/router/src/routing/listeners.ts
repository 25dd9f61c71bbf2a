import { AppError, applyEdits, ENVELOPE, memberAt, setMember, type Principal, type RpcText } from '@mcp-router/shared';
import type { ReplySink } from '../sessions/event-stream';
import { paramText } from '../translation/envelope';
import type { CatalogueKind } from '../catalogue/catalogue-item';
import type { Upstream } from '../upstreams/upstream';
import { reply } from './legacy-door';
import type { McpRouter } from './mcp-router';
import { errorResponse } from './response';
import type { Subscriber, Subscriptions } from './subscriptions';
import { listenForTasks } from './task-listener';
import { declaredIn, requireExtension } from './tasks';

/** What a client of 2026-07-28 asks to be told, and is. */
interface Filter {
  toolsListChanged?: boolean;
  promptsListChanged?: boolean;
  resourcesListChanged?: boolean;
  resourceSubscriptions?: string[];
  /** Of the tasks extension. */
  taskIds?: string[];
}

interface Listener extends Subscriber {
  endpoint: string | undefined;
  filter: Filter;
  readonly send: (notification: string) => void;
}

const MAX_LISTENERS = 10_000;
const MAX_URIS = 1_000;
const MAX_TASKS = 100;

const FLAG_OF: Record<CatalogueKind, keyof Filter> = {
  tools: 'toolsListChanged',
  prompts: 'promptsListChanged',
  resources: 'resourcesListChanged',
  resourceTemplates: 'resourcesListChanged',
};

/** The open `subscriptions/listen` streams. */
export class Listeners {
  private readonly streams = new Set<Listener>();

  constructor(
    private readonly router: McpRouter,
    private readonly subscriptions: Subscriptions,
  ) {}

  /** Opens a stream: the acknowledgement of what is honoured goes first, every message bears the request's id. */
  open(
    request: RpcText,
    endpoint: string | undefined,
    principal: Principal,
    signal: AbortSignal,
    sink: ReplySink,
  ): void {
    const id = request.id as string;
    this.start(request, endpoint, principal, signal, sink).catch((error: unknown) => {
      const body = errorResponse(id, error, 'modern');
      const { code, status } = AppError.from(error);
      const isHttp = code === 'server_not_found' || code === 'missing_capability';
      reply(sink, { body, last: true, ...(isHttp ? { status } : {}) });
    });
  }

  private async start(
    request: RpcText,
    endpoint: string | undefined,
    principal: Principal,
    signal: AbortSignal,
    sink: ReplySink,
  ): Promise<void> {
    if (this.streams.size >= MAX_LISTENERS) throw new AppError('limit_exceeded', 'Too many subscriptions are open');
    const id = request.id as string;
    const asked = JSON.parse(paramText(request, ['notifications']) ?? '{}') as Filter;
    const { filter, resources } = await this.honoured(asked, endpoint, principal);
    if (asked.taskIds !== undefined) requireExtension(declaredIn(request));
    const taskIds = strings(asked.taskIds, MAX_TASKS);
    const tasks = await this.router.tasks.followed(taskIds, endpoint, principal);
    if (asked.taskIds !== undefined) filter.taskIds = [...tasks.values()].flat();
    const send = (notification: string) => sink.send({ body: withSubscriptionId(notification, id) });
    const listener: Listener = { endpoint, filter, send, updated: send };
    if (signal.aborted) return;
    send(
      `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":${JSON.stringify(filter)}}}`,
    );
    this.streams.add(listener);
    signal.addEventListener('abort', () => {
      this.streams.delete(listener);
      this.subscriptions.removeAll(listener, { principal });
    });
    for (const [upstream, ids] of tasks) {
      void listenForTasks(upstream, ids, principal, signal, ({ text }) => send(text));
    }
    for (const [uri, upstream] of resources) {
      if (!this.streams.has(listener)) return;
      // One URI that is refused does not end the others; nothing will come for it.
      await this.subscriptions.add(upstream, uri, listener, { principal }).catch(() => undefined);
    }
  }

  /** Tells those who asked. @param kindsOf the lists that changed on an endpoint */
  listChanged(kindsOf: (endpoint: string | undefined) => ReadonlySet<CatalogueKind> | undefined): void {
    for (const { endpoint, filter, send } of this.streams) {
      const flags = new Set([...(kindsOf(endpoint) ?? [])].map((kind) => FLAG_OF[kind]));
      for (const flag of flags) if (filter[flag] === true) send(listChanged(flag.slice(0, -'ListChanged'.length)));
    }
  }

  /** What of a wish this endpoint can keep, and whose the resources are. */
  private async honoured(
    asked: Filter,
    endpoint: string | undefined,
    principal: Principal,
  ): Promise<{ filter: Filter; resources: Map<string, Upstream> }> {
    const upstream = this.router.single(endpoint);
    const capabilities = upstream && (upstream.info ?? (await upstream.ready())).capabilities;
    const has = (capability: string) => capabilities === undefined || capabilities[capability] !== undefined;
    const filter: Filter = {};
    if (asked.toolsListChanged === true && has('tools')) filter.toolsListChanged = true;
    if (asked.promptsListChanged === true && has('prompts')) filter.promptsListChanged = true;
    if (asked.resourcesListChanged === true && has('resources')) filter.resourcesListChanged = true;
    const declared = (capabilities?.['resources'] ?? { subscribe: true }) as { subscribe?: boolean };
    const resources = new Map<string, Upstream>();
    if (Array.isArray(asked.resourceSubscriptions) && declared.subscribe === true) {
      const uris = strings(asked.resourceSubscriptions, MAX_URIS);
      const ownerOf = (uri: string) => this.router.ownerOf(endpoint, uri, principal).catch(() => undefined);
      const owners = await Promise.all(uris.map(ownerOf));
      for (const [i, uri] of uris.entries()) {
        const owner = owners[i];
        if (owner) resources.set(uri, owner);
      }
      filter.resourceSubscriptions = [...resources.keys()];
    }
    return { filter, resources };
  }
}

/** What of a value that a client sent are strings, at most so many. */
function strings(value: unknown, max: number): string[] {
  const all: unknown[] = Array.isArray(value) ? value : [];
  return all.filter((each) => typeof each === 'string').slice(0, max);
}

export function listChanged(list: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/${list}/list_changed"}`;
}

/** The notification with the id of the subscription it belongs to. */
function withSubscriptionId(notification: string, id: string): string {
  const params = memberAt(notification, ['params']);
  const field = `"${ENVELOPE.subscriptionId}":${id}`;
  if (!params) return applyEdits(notification, [setMember(notification, 0, 'params', `{"_meta":{${field}}}`)]);
  const meta = memberAt(notification, ['_meta'], params.start);
  const edit = meta
    ? setMember(notification, meta.start, ENVELOPE.subscriptionId, id)
    : setMember(notification, params.start, '_meta', `{${field}}`);
  return applyEdits(notification, [edit]);
}
