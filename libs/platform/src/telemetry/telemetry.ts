import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { CommonEnv } from '../env';
import { metrics } from '../metrics/metrics';
import { VERSION } from '../metrics/process-metrics';
import { OtlpExporter } from './otlp-exporter';
import { tracer } from './tracer';

/**
 * Begins to send traces and metrics to the collector of `OTEL_EXPORTER_OTLP_ENDPOINT`; without one does nothing.
 *
 * @returns the way to end it, which sends what is left
 */
export function startTelemetry(app: string, env: CommonEnv, logger: Logger): () => Promise<void> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = env;
  if (endpoint === undefined) return () => Promise.resolve();
  const sendsTraces = env.OTEL_TRACES_EXPORTER === 'otlp';
  const exporter = new OtlpExporter(
    {
      endpoint,
      headers: env.OTEL_EXPORTER_OTLP_HEADERS,
      resource: {
        'service.name': `mcp-router-${app}`,
        'service.namespace': 'mcp-router',
        'service.version': VERSION,
        'service.instance.id': `${app}-${process.pid}@${hostname()}`,
        'host.name': hostname(),
        ...env.OTEL_RESOURCE_ATTRIBUTES,
      },
      timeoutMs: env.OTEL_EXPORTER_OTLP_TIMEOUT,
      metricsEveryMs: env.OTEL_METRICS_EXPORTER === 'otlp' ? env.OTEL_METRIC_EXPORT_INTERVAL : undefined,
      sendsTraces,
      onProblem: (problem) => logger.warn({ endpoint }, problem),
    },
    metrics,
  );
  if (sendsTraces) tracer.start(exporter, env.OTEL_TRACES_SAMPLER_ARG);
  return async () => {
    tracer.stop();
    await exporter.close();
  };
}
