import type { AlertState } from '@mcp-router/shared';

/** Where one alert stands. Times in epoch milliseconds. */
export interface AlertStatus {
  state: AlertState;
  /** When `state` was entered. */
  since: number;
  /** While firing: since when the condition has not held; null while it holds. */
  quietSince: number | null;
}

export interface Timing {
  forSeconds: number;
  keepFiringSeconds: number;
}

/**
 * The next status after one evaluation. A clock that went back counts as no time passed.
 *
 * @param holds whether the condition holds now; null: no news
 * @returns undefined when there is nothing to keep: never fired, and the condition does not hold
 */
export function advance(
  status: AlertStatus | undefined,
  holds: boolean | null,
  at: number,
  { forSeconds, keepFiringSeconds }: Timing,
): AlertStatus | undefined {
  if (holds === null) return status;
  if (status?.state === 'firing') {
    if (holds) return { ...status, quietSince: null };
    const quietSince = Math.min(status.quietSince ?? at, at);
    const isOver = at - quietSince >= keepFiringSeconds * 1000;
    return isOver ? { state: 'resolved', since: at, quietSince: null } : { ...status, quietSince };
  }
  if (!holds) return status?.state === 'resolved' ? status : undefined;
  const since = status?.state === 'pending' ? Math.min(status.since, at) : at;
  const isDue = at - since >= forSeconds * 1000;
  return isDue ? { state: 'firing', since: at, quietSince: null } : { state: 'pending', since, quietSince: null };
}
