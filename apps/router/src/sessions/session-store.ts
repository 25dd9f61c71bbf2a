import { randomBytes } from 'node:crypto';
import { metrics } from '@mcp-router/platform';
import { AppError, type Principal } from '@mcp-router/shared';
import type { EventLog } from './event-log';
import { Session, type ClientDescription } from './session';

export interface SessionLimits {
  maxSessions: number;
  /** After how long without any sign of the client a session ends, in milliseconds. */
  idleMs: number;
}

const open = metrics.gauge('mcp_router_sessions', 'Open sessions of clients').with();
/** OpenTelemetry's `mcp.server.session.duration`. */
const duration = metrics
  .histogram('mcp_server_session_duration_seconds', 'Time from the start of a session to its end')
  .with();

/** The sessions of this instance. Their ids begin with its name, so any gateway finds the owner. */
export class SessionStore {
  private readonly sessions = new Map<string, Session>();
  private readonly sweeping: NodeJS.Timeout;
  private readonly enders = new Set<(session: Session) => void>();

  constructor(
    private readonly instance: string,
    private readonly log: EventLog,
    private readonly limits: SessionLimits,
  ) {
    this.sweeping = setInterval(() => this.expire(Date.now()), Math.min(limits.idleMs / 2, 60_000));
    this.sweeping.unref();
  }

  get size(): number {
    return this.sessions.size;
  }

  all(): IterableIterator<Session> {
    return this.sessions.values();
  }

  /** @throws AppError `limit_exceeded` when every session is in use */
  create(principal: Principal, endpoint: string | undefined, client: ClientDescription): Session {
    if (this.sessions.size >= this.limits.maxSessions) this.makeRoom();
    const id = `${this.instance}.${randomBytes(16).toString('base64url')}`;
    const session = new Session(id, principal, endpoint, client, this.log);
    this.sessions.set(id, session);
    open.set(this.sessions.size);
    return session;
  }

  /**
   * The session of this id, if it is the caller's and of this endpoint: to all others it does not exist.
   *
   * @throws AppError `session_not_found`
   */
  get(id: string, principal: Principal, endpoint: string | undefined): Session {
    const session = this.sessions.get(id);
    if (!session || session.principal.agentId !== principal.agentId || session.endpoint !== endpoint) {
      throw new AppError('session_not_found', 'The session is unknown or has ended; start again with "initialize"');
    }
    session.lastSeenAt = Date.now();
    return session;
  }

  /** Without a caller: for messages of servers. */
  find(id: string): Session | undefined {
    return this.sessions.get(id);
  }

  end(session: Session): void {
    if (!this.sessions.delete(session.id)) return;
    session.close();
    open.set(this.sessions.size);
    duration.record((Date.now() - session.openedAt) / 1000);
    for (const ender of this.enders) ender(session);
  }

  /** Called when a session is over, by whatever way. */
  onEnd(ender: (session: Session) => void): void {
    this.enders.add(ender);
  }

  close(): void {
    clearInterval(this.sweeping);
    for (const session of this.sessions.values()) this.end(session);
  }

  private expire(now: number): void {
    for (const session of this.sessions.values()) {
      if (session.isIdle && now - session.lastSeenAt > this.limits.idleMs) this.end(session);
    }
  }

  /** Ends the session that was used least lately, if it is idle. */
  private makeRoom(): void {
    let oldest: Session | undefined;
    for (const session of this.sessions.values()) {
      if (session.isIdle && (!oldest || session.lastSeenAt < oldest.lastSeenAt)) oldest = session;
    }
    if (!oldest)
      throw new AppError('limit_exceeded', `There are ${this.sessions.size} open sessions, which is the limit`);
    this.end(oldest);
  }
}
