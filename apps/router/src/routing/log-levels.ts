import { readRpc, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { Upstream, UpstreamInfo } from '../upstreams/upstream';

const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];
const NEVER = new AbortController().signal;

/** Whether a message of `level` is severe enough for someone who asked for `wanted`. */
export function isWanted(level: string | undefined, wanted: string): boolean {
  return LEVELS.indexOf(level ?? '') >= LEVELS.indexOf(wanted);
}

export function isLevel(value: string | undefined): value is string {
  return value !== undefined && LEVELS.includes(value);
}

/**
 * Log levels of legacy servers, which are one for a whole connection: a server is set to the lowest level that anyone has
 * wanted, and each client gets what it asked for.
 */
export class LogLevels {
  private readonly set = new WeakMap<UpstreamInfo, number>();

  /** Makes sure that the server sends messages of `level`; does nothing for servers that do not log. */
  async want(upstream: Upstream, level: string | undefined): Promise<void> {
    const { info } = upstream;
    if (level === undefined || !isLevel(level) || info?.era !== 'legacy' || info.capabilities['logging'] === undefined)
      return;
    const wanted = LEVELS.indexOf(level);
    if ((this.set.get(info) ?? LEVELS.length) <= wanted) return;
    this.set.set(info, wanted);
    const message = readRpc(`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"${level}"}}`);
    // A server that refuses goes on as it is: the level is a wish.
    await upstream.exchange({ principal: SYSTEM_PRINCIPAL, message, signal: NEVER }).catch(() => undefined);
  }
}
