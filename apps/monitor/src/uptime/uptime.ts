import type { UptimeWindow } from '@mcp-router/shared';

/** That a server's health became another one, at a time in epoch milliseconds. */
export interface HealthChange {
  at: number;
  from: string;
  to: string;
}

const UP = new Set(['healthy', 'degraded']);
const DOWN = new Set(['unhealthy', 'lost']);

/** Whether a health says that a server was up or down, and not only that nobody had looked. */
export const isKnown = (state: string): boolean => UP.has(state) || DOWN.has(state);

/**
 * How much of `[from, to)` a server was well.
 *
 * @param changes oldest first; those before `from` tell what it was then
 */
export function uptimeIn(changes: readonly HealthChange[], from: number, to: number): Omit<UptimeWindow, 'latency'> {
  let [upMs, downMs, outages] = [0, 0, 0];
  changes.forEach(({ at, from: before, to: state }, i) => {
    const begin = Math.max(at, from);
    const end = Math.min(changes[i + 1]?.at ?? to, to);
    if (end > begin && UP.has(state)) upMs += end - begin;
    if (end > begin && DOWN.has(state)) downMs += end - begin;
    if (at >= from && at < to && DOWN.has(state) && !DOWN.has(before)) outages++;
  });
  const knownMs = upMs + downMs;
  return {
    upShare: knownMs === 0 ? null : upMs / knownMs,
    downSeconds: downMs / 1000,
    knownSeconds: knownMs / 1000,
    outages,
  };
}
