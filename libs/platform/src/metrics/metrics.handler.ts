import { Controller, type Type } from '@nestjs/common';
import { readMetricsOf, type Metric } from '@mcp-router/shared';
import { Handles } from '../bus/handles';
import { metrics } from './metrics';

/** The controller by which an app tells its metrics; each app answers under its own name. */
export function metricsHandler(app: string): Type {
  @Controller()
  class MetricsHandler {
    @Handles(readMetricsOf(app))
    read(): Promise<Metric[]> {
      return Promise.resolve(metrics.read());
    }
  }
  return MetricsHandler;
}
