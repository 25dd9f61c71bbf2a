import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Bus, CONTENT_TYPES, metrics, toExposition, type LabelledMetric } from '@mcp-router/platform';
import { readMetricsOf } from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';

const SERVICES = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'];

/** All metrics of all services and replicas, for Prometheus. */
@ApiTags('monitoring')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly bus: Bus) {}

  /** Text for Prometheus, or OpenMetrics if the scraper accepts it. An instance that does not answer in time is left out. */
  @Get()
  @ApiOperation({ summary: 'All metrics of all services, for Prometheus or OpenMetrics' })
  async read(@Headers('accept') accept: string | undefined, @Res() reply: FastifyReply): Promise<void> {
    const format = accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'prometheus';
    await reply.header('content-type', CONTENT_TYPES[format]).send(toExposition(await this.all(), format));
  }

  private async all(): Promise<LabelledMetric[]> {
    const { bus } = this;
    const own = metrics.read().map((metric) => label(metric, 'gateway', bus.instanceId));
    const others = SERVICES.flatMap((service) =>
      bus
        .instances(service)
        .filter((instance) => instance !== bus.instanceId)
        .map(async (instance) => {
          const read = await bus.call(readMetricsOf(service), {}, { instance });
          return read.map((metric) => label(metric, service, instance));
        }),
    );
    const settled = await Promise.allSettled(others);
    return [own, ...settled.map((result) => (result.status === 'fulfilled' ? result.value : []))].flat();
  }
}

const label = (metric: Omit<LabelledMetric, 'common'>, service: string, instance: string): LabelledMetric => ({
  ...metric,
  common: { service, instance },
});
