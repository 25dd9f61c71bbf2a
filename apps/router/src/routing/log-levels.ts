import { AppError, ENVELOPE, readRpc, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { Caller, Upstream } from '../upstreams/upstream';

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
/** Above all levels. */
const UNSET = LEVELS.length;
const NEVER = new AbortController().signal;

/** Whether a message of `level` is severe enough for someone who asked for `wanted`. */
export function isWanted(level: string | undefined, wanted: string): boolean {
  return LEVELS.indexOf(level ?? '') >= LEVELS.indexOf(wanted);
}

export function isLevel(value: string | undefined): value is string {
  return value !== undefined && LEVELS.includes(value);
}

/** The level in a modern request's `_meta`. @param text JSON @throws AppError `invalid_request` when it is none */
export function levelIn(text: string): string {
  const level: unknown = JSON.parse(text);
  if (typeof level === 'string' && isLevel(level)) return level;
  throw new AppError('invalid_request', `params._meta["${ENVELOPE.logLevel}"] is not a log level`);
}

/**
 * Log levels of legacy servers, which are one for a whole connection. One that several clients share is set to the lowest
 * level that any of them has wanted, and each client gets what it asked for; a session's own connection has its level.
 */
export class LogLevels {
  /** What connections are set to, by whose they are; those of sessions are here while they are open. */
  private readonly set = new WeakMap<Upstream, Map<string, number>>();

  /** Makes sure that the server sends messages of `level` to a caller; does nothing for servers that do not log. */
  async want(upstream: Upstream, level: string | undefined, caller: Caller): Promise<void> {
    const { info } = upstream;
    if (!isLevel(level) || info?.era !== 'legacy' || info.capabilities['logging'] === undefined) return;
    const wanted = LEVELS.indexOf(level);
    const levels = this.levelsOf(upstream);
    const key = keyOf(upstream, caller);
    // A session's own connection is not opened for this: it gets the level when it is.
    const isDone = isOfSession(upstream, caller) ? !levels.has(key) : (levels.get(key) ?? UNSET) <= wanted;
    if (isDone) return;
    levels.set(key, wanted);
    const message = readRpc(`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"${level}"}}`);
    const who = upstream.isolation === 'shared' ? { principal: SYSTEM_PRINCIPAL } : caller;
    // A server that refuses goes on as it is: the level is a wish.
    await upstream.exchange({ ...who, message, signal: NEVER }).catch(() => undefined);
  }

  /**
   * Sets the level on a connection that is new.
   *
   * @param caller whose it is, if it is not shared
   * @param wishes levels of the sessions that it serves
   */
  async renew(upstream: Upstream, caller: Caller | undefined, wishes: readonly (string | undefined)[]): Promise<void> {
    const whose = caller ?? { principal: SYSTEM_PRINCIPAL };
    this.levelsOf(upstream).set(keyOf(upstream, whose), UNSET);
    const [lowest] = wishes.filter(isLevel).sort((a, b) => LEVELS.indexOf(a) - LEVELS.indexOf(b));
    await this.want(upstream, lowest, whose);
  }

  /** A session is over, and so is its connection. */
  forget(upstream: Upstream, caller: Caller): void {
    if (isOfSession(upstream, caller)) this.levelsOf(upstream).delete(keyOf(upstream, caller));
  }

  private levelsOf(upstream: Upstream): Map<string, number> {
    let levels = this.set.get(upstream);
    if (!levels) this.set.set(upstream, (levels = new Map<string, number>()));
    return levels;
  }
}

function isOfSession({ isolation }: Upstream, { sessionKey }: Caller): boolean {
  return isolation === 'session' && sessionKey !== undefined;
}

function keyOf(upstream: Upstream, caller: Caller): string {
  if (upstream.isolation === 'shared') return '';
  return isOfSession(upstream, caller) ? `session ${caller.sessionKey ?? ''}` : `agent ${caller.principal.agentId}`;
}
