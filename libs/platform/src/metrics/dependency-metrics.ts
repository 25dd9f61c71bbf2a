import type { Metrics } from './metrics';

const EVERY_MS = 10_000;

/** What a process needs of the pool of its database. */
export interface ConnectionPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export interface Dependencies {
  pool: ConnectionPool;
  /** Asks each for a sign of life; rejects when it does not answer. */
  probes: Record<string, () => Promise<unknown>>;
  /** Records that could not be written to Redis, since the start. */
  recordsDropped: () => number;
}

/**
 * Measures Postgres and Redis as this process sees them: how long each takes to answer the least of all questions, and
 * how far the pool of connections is used.
 *
 * @returns the way to stop it
 */
export function measureDependencies(metrics: Metrics, { pool, probes, recordsDropped }: Dependencies): () => void {
  const latency = metrics.histogram('mcp_router_dependency_latency_seconds', 'Time to answer a question of no work', [
    'dependency',
  ]);
  const failures = metrics.counter('mcp_router_dependency_failures_total', 'Questions that were not answered', [
    'dependency',
  ]);
  const connections = metrics.gauge('mcp_router_postgres_connections', 'Connections of the pool', ['state']);
  const waiting = metrics.gauge('mcp_router_postgres_pool_waiting', 'Statements that wait for a connection').with();
  const dropped = metrics.counter('mcp_router_records_dropped_total', 'Records that Redis did not take').with();
  metrics.onRead(() => {
    connections.with('idle').set(pool.idleCount);
    connections.with('used').set(pool.totalCount - pool.idleCount);
    waiting.set(pool.waitingCount);
    dropped.value = recordsDropped();
  });
  const probe = (): void => {
    for (const [name, ask] of Object.entries(probes)) {
      const startedAt = performance.now();
      ask().then(
        () => latency.with(name).record((performance.now() - startedAt) / 1000),
        () => failures.with(name).add(),
      );
    }
  };
  probe();
  const timer = setInterval(probe, EVERY_MS).unref();
  return () => clearInterval(timer);
}
