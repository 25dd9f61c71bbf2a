import type { Catalogue } from '../catalogue/catalogue';
import { KINDS, type CatalogueKind } from '../catalogue/catalogue-item';
import type { Session } from '../sessions/session';
import type { SessionStore } from '../sessions/session-store';
import { stringParam } from '../translation/envelope';
import type { RpcText } from '@mcp-router/shared';
import type { Caller, Unsolicited, Upstream } from '../upstreams/upstream';
import type { Directory } from './directory';
import { listChanged, type Listeners } from './listeners';
import { callerOf } from './legacy-door';
import { isWanted, type LogLevels } from './log-levels';
import { questionFor, withdrawnFor } from './server-question';
import type { Subscriptions } from './subscriptions';
import { refusal } from '../translation/parked-call';
import type { VirtualServers } from '../virtual-servers/virtual-servers.service';
import type { TaskOwners } from './task-owners';

/** Changes that come within this time of each other are told once. */
const BURST_MS = 50;
/** A burst that does not end is told of after this time. */
const LONGEST_BURST_MS = 500;

const LIST_OF: Record<CatalogueKind, string> = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  resourceTemplates: 'resources',
};

/** What the catalogue tells of by itself, and what makes no sense to a client of a connection that is not its own. */
const NOT_FOR_CLIENTS = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/progress',
]);

/** Tells clients what happens without a call of theirs: lists that change, resources, log messages of servers. */
export class Watcher {
  private readonly changed = new Map<string, Set<CatalogueKind>>();
  private timer: NodeJS.Timeout | undefined;
  private burstBegan = 0;
  private readonly stops: (() => void)[] = [];

  constructor(
    directory: Directory,
    catalogue: Catalogue,
    private readonly sessions: SessionStore,
    private readonly listeners: Listeners,
    private readonly subscriptions: Subscriptions,
    private readonly tasks: TaskOwners,
    private readonly virtuals: VirtualServers,
    private readonly levels: LogLevels,
  ) {
    this.stops.push(
      catalogue.onChange((slug, kinds) => this.listsChanged(slug, kinds)),
      virtuals.onChange((slugs) => {
        for (const slug of slugs) this.listsChanged(slug, KINDS);
      }),
      directory.onUpstream((upstream) => this.watch(upstream)),
    );
    sessions.onEnd((session) => {
      for (const upstream of directory.upstreams()) levels.forget(upstream, callerOf(session));
    });
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stops) stop();
  }

  private watch(upstream: Upstream): void {
    this.stops.push(
      upstream.onUnsolicited((event) => this.unsolicited(upstream, event)),
      upstream.onConnected((caller) => {
        this.subscriptions.renew(upstream, caller);
        const wishes = this.sessionsOn(upstream, caller).map(({ logLevel }) => logLevel);
        void this.levels.renew(upstream, caller, wishes);
      }),
    );
  }

  private listsChanged(slug: string, kinds: readonly CatalogueKind[]): void {
    const known = this.changed.get(slug) ?? new Set();
    for (const kind of kinds) known.add(kind);
    this.changed.set(slug, known);
    const now = performance.now();
    if (this.timer === undefined) this.burstBegan = now;
    const left = Math.max(0, this.burstBegan + LONGEST_BURST_MS - now);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), Math.min(BURST_MS, left));
  }

  private tell(): void {
    this.timer = undefined;
    const changed = new Map(this.changed);
    this.changed.clear();
    const kindsOf = (endpoint: string | undefined) =>
      new Set([...changed].flatMap(([slug, kinds]) => (this.isConcerned(endpoint, slug) ? [...kinds] : [])));
    for (const session of this.sessions.all()) {
      const lists = new Set([...kindsOf(session.endpoint)].map((kind) => LIST_OF[kind]));
      for (const list of lists) session.notify(listChanged(list));
    }
    this.listeners.listChanged(kindsOf);
  }

  /** Whether an endpoint has what is listed under a slug; a virtual server's is its own. */
  private isConcerned(endpoint: string | undefined, slug: string): boolean {
    return this.virtuals.view(slug) ? endpoint === slug : this.virtuals.covers(endpoint, slug);
  }

  /** @returns whether it was taken */
  private unsolicited({ slug }: Upstream, event: Unsolicited): boolean {
    const { message, sessionKey, agentId, taskId } = event;
    const { method, kind } = message;
    if (method === undefined) return false;
    if (method === 'notifications/cancelled') return this.withdrawn(slug, event);
    if (sessionKey !== undefined) {
      const session = this.sessions.find(sessionKey);
      if (!session) return false;
      if (kind === 'request' || taskId !== undefined) return pass(session, event);
      if (!NOT_FOR_CLIENTS.has(method)) session.notify(message.text);
      return false;
    }
    if (taskId !== undefined && this.concernsTask(slug, event, taskId)) return true;
    if (kind === 'request' || NOT_FOR_CLIENTS.has(method)) return false;
    if (method === 'notifications/resources/updated') this.subscriptions.updated(slug, message, agentId);
    else if (method === 'notifications/tasks/status' && agentId === undefined)
      // It may come together with the answer that made the task, which is taken note of first.
      setImmediate(() => this.taskChanged(slug, message));
    else if (method === 'notifications/elicitation/complete') this.elicited(slug, message);
    else
      this.toAll(
        slug,
        agentId,
        message.text,
        method === 'notifications/message' ? stringParam(message, ['level']) : undefined,
      );
    return false;
  }

  /** What a server asks or tells because of a task is for the session that made it. @returns whether the task is known */
  private concernsTask(slug: string, event: Unsolicited, taskId: string): boolean {
    const maker = this.tasks.makerOf(taskId, slug);
    if (!maker || (event.agentId !== undefined && event.agentId !== maker.agentId)) return false;
    const { message, server } = event;
    const session = maker.sessionId === undefined ? undefined : this.sessions.find(maker.sessionId);
    if (session && this.virtuals.covers(session.endpoint, slug)) pass(session, event);
    else if (message.id !== undefined) server.respond(refusal(message.id, 'Who made the task is not there any more'));
    return true;
  }

  /** A server takes back a question; only the session that was asked knows of it. */
  private withdrawn(slug: string, { message, server }: Unsolicited): boolean {
    for (const session of this.sessionsAt(slug)) {
      const text = withdrawnFor(session, message, server);
      if (text === undefined) continue;
      session.notify(text);
      return true;
    }
    return false;
  }

  /** A task is its agent's, whoever else shares the connection. */
  private taskChanged(slug: string, message: RpcText): void {
    const agentId = this.tasks.makerOf(stringParam(message, ['taskId']) ?? '', slug)?.agentId;
    if (agentId === undefined) return;
    for (const session of this.sessionsAt(slug))
      if (session.principal.agentId === agentId) session.notify(message.text);
  }

  /** The user has been to a page; that is told to the session that was asked to go there. */
  private elicited(slug: string, message: RpcText): void {
    const id = stringParam(message, ['elicitationId']);
    for (const session of this.sessionsAt(slug)) {
      if (id !== undefined && session.wasAskedToVisit(id)) session.notify(message.text);
    }
  }

  /** The sessions that a server's messages may concern. */
  private *sessionsAt(slug: string): Generator<Session> {
    for (const session of this.sessions.all()) {
      if (this.virtuals.covers(session.endpoint, slug)) yield session;
    }
  }

  /** The sessions that a connection serves. @param caller whose it is, if it is not shared */
  private sessionsOn({ slug, isolation }: Upstream, caller: Caller | undefined): Session[] {
    const sessions = [...this.sessionsAt(slug)];
    if (isolation === 'shared') return sessions;
    if (isolation === 'session') return sessions.filter(({ id }) => id === caller?.sessionKey);
    return sessions.filter(({ principal }) => principal.agentId === caller?.principal.agentId);
  }

  /** A server's words about nobody's call go to its clients, as long as these are all the same agent's. */
  private toAll(slug: string, agentId: string | undefined, text: string, level: string | undefined): void {
    const concerned: Session[] = [];
    for (const session of this.sessionsAt(slug)) {
      if (agentId === undefined || session.principal.agentId === agentId) concerned.push(session);
    }
    if (new Set(concerned.map(({ principal }) => principal.agentId)).size > 1) return;
    for (const session of concerned) {
      if (level === undefined || session.logLevel === undefined || isWanted(level, session.logLevel))
        session.notify(text);
    }
  }
}

/** Gives a session what no call of it that is open caused: a question, progress of a task, or a log message. */
function pass(session: Session, { message, server }: Unsolicited): true {
  const text = message.kind === 'request' ? questionFor(session, message, server) : message.text;
  const isUnwanted =
    message.method === 'notifications/message' &&
    session.logLevel !== undefined &&
    !isWanted(stringParam(message, ['level']), session.logLevel);
  if (text !== undefined && !isUnwanted) session.notify(text);
  return true;
}
