import { Cron } from 'croner';
import type { Schedule } from '../definition/workflow';

/**
 * When a schedule comes round next, strictly after a moment; null when it never does, or when something else decides.
 *
 * @param since when the version was published: `every` counts from there
 */
export function nextTime(schedule: Schedule, after: Date, since: Date): Date | null {
  switch (schedule.kind) {
    case 'every': {
      const ms = millisecondsOf(schedule.every);
      const rounds = Math.max(0, Math.floor((after.getTime() - since.getTime()) / ms)) + 1;
      return new Date(since.getTime() + rounds * ms);
    }
    case 'cron':
      return new Cron(schedule.cron, { paused: true, timezone: schedule.timeZone }).nextRun(after);
    case 'after':
      return new Date(after.getTime() + millisecondsOf(schedule.after));
    case 'on':
      return null;
  }
}

/** Validation lets only fixed durations through. */
function millisecondsOf(duration: { ms: number } | { expression: string }): number {
  return 'ms' in duration ? Math.max(1_000, duration.ms) : 1_000;
}
