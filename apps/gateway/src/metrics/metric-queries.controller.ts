import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { Instant, listMetricSeries, MetricAggregate, MetricAnswer, queryMetrics } from '@mcp-router/shared';
import { z } from 'zod';

/** `server:github`, or several of them, as labels and their values. */
const Filters = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat())
  .pipe(z.array(z.string().regex(/^[^:]+:/, 'label:value')))
  .transform((pairs, context) => {
    const labels = new Map(pairs.map(pairOf));
    if (labels.size < pairs.length) context.addIssue({ code: 'custom', message: 'A label may have one value' });
    return Object.fromEntries(labels);
  })
  .optional();

/** A parameter that is misspelt would be another question: it is refused. */
const MetricQueryParams = z.strictObject({
  name: z.string(),
  aggregate: MetricAggregate.default('avg'),
  filter: Filters.meta({ description: 'label:value; may be repeated' }),
  except: Filters.meta({ description: 'label:value of series to leave out; may be repeated' }),
  by: z.string().max(256).optional().meta({ description: 'Label names, separated by commas' }),
  top: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'Only so many combinations of "by": those with the highest values' }),
  from: Instant.optional().meta({ description: 'Default: one hour before "to"' }),
  to: Instant.optional().meta({ description: 'Default: now' }),
  step: z.coerce
    .number()
    .int()
    .min(10)
    .max(31_536_000)
    .optional()
    .meta({ description: 'Seconds; a step as long as the window gives one point for the whole window' }),
});
const SeriesParams = listMetricSeries.input.strict();
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
    const by = params.by?.split(',').filter(Boolean) ?? [];
    return this.bus.call(queryMetrics, {
      name: params.name,
      aggregate: params.aggregate,
      labels: params.filter ?? {},
      except: params.except ?? {},
      by,
      from,
      to,
      ...(params.top === undefined ? {} : { top: params.top }),
      ...(params.step === undefined ? {} : { stepSeconds: params.step }),
    });
  }

  @Get('series')
  @ApiOperation({ summary: 'Which series there are' })
  @ApiResponse({ status: 200, standardSchema: listMetricSeries.output })
  series(
    @Query({ schema: SeriesParams }) query: z.output<typeof SeriesParams>,
  ): Promise<z.output<typeof listMetricSeries.output>> {
    return this.bus.call(listMetricSeries, query);
  }
}

function pairOf(filter: string): [string, string] {
  const colon = filter.indexOf(':');
  return [filter.slice(0, colon), filter.slice(colon + 1)];
}
