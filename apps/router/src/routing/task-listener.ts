import { setTimeout as sleep } from 'node:timers/promises';
import { type Principal, type RpcText } from '@mcp-router/shared';
import { MODERN_VERSIONS } from '@mcp-router/shared';
import { modernEnvelope } from '../upstreams/handshake';
import { requestText } from '../upstreams/message';
import type { Upstream } from '../upstreams/upstream';
import { TASKS_EXTENSION } from './tasks';

const AGAIN_MS = 5_000;

/** Listens at a server for what happens to some tasks, again when the connection was lost, until `signal` aborts. */
export async function listenForTasks(
  upstream: Upstream,
  taskIds: readonly string[],
  principal: Principal,
  signal: AbortSignal,
  onTask: (notification: RpcText) => void,
): Promise<void> {
  const capabilities = { extensions: { [TASKS_EXTENSION]: {} } };
  const message = requestText('"tasks"', 'subscriptions/listen', {
    _meta: modernEnvelope(MODERN_VERSIONS[0], capabilities),
    notifications: { taskIds },
  });
  while (!signal.aborted) {
    await upstream
      .openSubscription({
        principal,
        message,
        signal,
        onMessage: (notification) => {
          if (notification.method === 'notifications/tasks') onTask(notification);
        },
      })
      .catch(() => undefined);
    await sleep(AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
