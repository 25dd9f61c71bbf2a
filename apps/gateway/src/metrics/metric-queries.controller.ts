import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { listMetricSeries, MetricAggregate, MetricAnswer, queryMetrics } from '@mcp-router/shared';
import { z } from 'zod';

/** `label.server=github` may be given as `filter=server:github`, several times. */
const Filters = z.union([z.string(), z.array(z.string())]).optional();

const MetricQueryParams = z.object({
  name: z.string(),
  aggregate: MetricAggregate.default('avg'),
  filter: Filters.meta({ description: 'label:value; may be repeated' }),
  by: z.string().max(256).optional().meta({ description: 'Label names, separated by commas' }),
  from: z.iso.datetime({ offset: true }).optional().meta({ description: 'Default: one hour before "to"' }),
  to: z.iso.datetime({ offset: true }).optional().meta({ description: 'Default: now' }),
  step: z.coerce.number().int().min(10).max(31_536_000).optional().meta({ description: 'Seconds' }),
});
type MetricQueryParams = z.output<typeof MetricQueryParams>;

const HOUR_MS = 3_600_000;

/** Metrics over time: from 10 s steps for two days to hours for more than a year. */
@ApiTags('monitoring')
@Controller('api/v1/metrics')
export class MetricQueriesController {
  constructor(private readonly bus: Bus) {}

  @Get('query')
  @ApiOperation({ summary: 'A metric over time' })
  @ApiResponse({ status: 200, standardSchema: MetricAnswer })
  query(@Query({ schema: MetricQueryParams }) params: MetricQueryParams): Promise<MetricAnswer> {
    const to = params.to ?? new Date().toISOString();
    const from = params.from ?? new Date(Date.parse(to) - HOUR_MS).toISOString();
    const labels = Object.fromEntries([params.filter ?? []].flat().map(pairOf));
    const by = params.by?.split(',').filter(Boolean) ?? [];
    return this.bus.call(queryMetrics, {
      name: params.name,
      aggregate: params.aggregate,
      labels,
      by,
      from,
      to,
      ...(params.step === undefined ? {} : { stepSeconds: params.step }),
    });
  }

  @Get('series')
  @ApiOperation({ summary: 'Which series there are' })
  @ApiResponse({ status: 200, standardSchema: listMetricSeries.output })
  series(
    @Query({ schema: listMetricSeries.input }) query: z.output<typeof listMetricSeries.input>,
  ): Promise<z.output<typeof listMetricSeries.output>> {
    return this.bus.call(listMetricSeries, query);
  }
}

function pairOf(filter: string): [string, string] {
  const colon = filter.indexOf(':');
  return colon < 0 ? [filter, ''] : [filter.slice(0, colon), filter.slice(colon + 1)];
}
