import { contextOf, runInContext, type Bus } from '@mcp-router/platform';
import { listServers, SYSTEM_PRINCIPAL } from '@mcp-router/shared';

/** The launcher prints a table of the servers but has no key: it asks over its ipc channel. */
export function answerLauncher(bus: Bus): void {
  if (!process.send) return;
  process.on('message', (message: { type?: string }) => {
    if (message.type !== 'servers?') return;
    void runInContext(contextOf({ principal: SYSTEM_PRINCIPAL }), () => bus.call(listServers, {})).then(
      ({ items }) =>
        process.send?.({
          type: 'servers',
          servers: items.map(({ slug, state, counts, lastError }) => ({ slug, state, tools: counts.tools, lastError })),
        }),
      () => process.send?.({ type: 'servers', servers: [] }),
    );
  });
}
