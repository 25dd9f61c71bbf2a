import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import { listMetricSeries, queryMetrics, type MetricAnswer, type MetricQuery } from '@mcp-router/shared';
import type { z } from 'zod';
import { MetricsService } from './metrics.service';

@Controller()
export class MetricsHandler {
  constructor(private readonly metrics: MetricsService) {}

  @Handles(queryMetrics)
  query(query: MetricQuery): Promise<MetricAnswer> {
    return this.metrics.query(query);
  }

  @Handles(listMetricSeries)
  async series(query: z.output<typeof listMetricSeries.input>): Promise<z.output<typeof listMetricSeries.output>> {
    const { items, nextCursor } = await this.metrics.series(query);
    return { items: items.map(({ name, type, labels }) => ({ name, type, labels })), nextCursor };
  }
}
