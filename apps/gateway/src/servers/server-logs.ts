import type { Bus } from '@mcp-router/platform';
import { AppError, followServerLogs, readServerLogs } from '@mcp-router/shared';
import { catchError, EMPTY, map, merge, throwError, type Observable } from 'rxjs';

interface LogsOf {
  server: string;
  tailBytes: number;
}

/** Each router has a process of its own of a stdio server: the log of the server is that of all of them. */
function routersOf(bus: Bus): (string | undefined)[] {
  const instances = bus.instances('router');
  // Without any the call says so itself.
  return instances.length === 0 ? [undefined] : instances;
}

const isGone = (error: unknown): boolean => ['no_instance', 'instance_lost'].includes(AppError.from(error).code);

/** What a server wrote lately; where there are several routers, under the name of each. */
export async function readLogs(bus: Bus, { server, tailBytes }: LogsOf): Promise<string> {
  const instances = routersOf(bus);
  const parts = await Promise.all(
    instances.map(async (instance) => {
      const { text } = await bus.call(readServerLogs, { server, tailBytes }, { instance }).catch((error: unknown) => {
        if (instances.length > 1 && isGone(error)) return { text: '' };
        throw error;
      });
      return { instance, text };
    }),
  );
  if (parts.length === 1) return parts[0]?.text ?? '';
  return parts
    .filter(({ text }) => text !== '')
    .map(({ instance, text }) => `== ${instance ?? ''} ==\n${text.endsWith('\n') ? text : `${text}\n`}`)
    .join('');
}

/** What a server wrote lately, and what it writes from now on. */
export function followLogs(bus: Bus, logs: LogsOf): Observable<{ text: string; instance?: string }> {
  const instances = routersOf(bus);
  return merge(
    ...instances.map((instance) =>
      bus.stream(followServerLogs, logs, { instance }).pipe(
        map(({ text }) => (instances.length > 1 && instance !== undefined ? { instance, text } : { text })),
        catchError((error: unknown) => (instances.length > 1 && isGone(error) ? EMPTY : throwError(() => error))),
      ),
    ),
  );
}
