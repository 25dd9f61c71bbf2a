import { Readable } from 'node:stream';
import { Controller, Get, Param, Query, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus, readPages } from '@mcp-router/platform';
import {
  CallDetails,
  getCall,
  listCalls,
  type CallRecord,
  type CallsQuery,
  type Page,
  type Principal,
} from '@mcp-router/shared';
import { z } from 'zod';
import { Caller } from '../http/request-context';
import { begun, EXPORT_TYPES, exportOf } from './calls-export';

/** A filter that is misspelt would let everything through: it is refused. */
const CallsParams = listCalls.input.strict();
const ExportQuery = CallsParams.omit({ cursor: true, limit: true }).extend({
  format: z.enum(['csv', 'json', 'jsonl']).default('jsonl'),
});
type ExportQuery = z.output<typeof ExportQuery>;

const EXPORT_PAGE = 500;

/** The call log: who called what, when, how long it took and how it ended. Members see their own calls. */
@ApiTags('monitoring')
@Controller('api/v1/calls')
export class CallsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Calls, newest first' })
  @ApiResponse({ status: 200, standardSchema: listCalls.output })
  list(@Query({ schema: CallsParams }) query: CallsQuery, @Caller() caller: Principal): Promise<Page<CallRecord>> {
    return this.bus.call(listCalls, ownOnly(query, caller));
  }

  /**
   * Everything that the filters let through, newest first, as CSV, as one array of JSON, or as lines of JSON. One page is
   * in memory at a time; a client that reads slowly is waited for.
   */
  @Get('export')
  @ApiOperation({ summary: 'All calls that the filters let through, as CSV, one array of JSON, or lines of JSON' })
  @ApiProduces(...Object.values(EXPORT_TYPES))
  async export(
    @Query({ schema: ExportQuery }) { format, ...query }: ExportQuery,
    @Caller() caller: Principal,
  ): Promise<StreamableFile> {
    const pages = readPages(this.bus, listCalls, { ...ownOnly(query, caller), limit: EXPORT_PAGE });
    const text = exportOf(await begun(pages), format);
    return new StreamableFile(Readable.from(text, { objectMode: false }), {
      type: EXPORT_TYPES[format],
      disposition: `attachment; filename="calls.${format}"`,
    });
  }

  @Get(':call')
  @ApiOperation({ summary: 'One call, with its arguments and answer if they were kept (flag CALL_BODIES)' })
  @ApiResponse({ status: 200, standardSchema: CallDetails })
  get(@Param('call') call: string, @Caller() caller: Principal): Promise<CallDetails> {
    return this.bus.call(getCall, { call, ...ownOnly({}, caller) });
  }
}

const ownOnly = <Q extends { agent?: string | undefined }>(
  query: Q,
  { role, agent }: Principal,
): Q & { agent?: string | undefined } => (role === 'admin' ? query : { ...query, agent });
