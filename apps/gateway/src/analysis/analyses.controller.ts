import { createHash } from 'node:crypto';
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Query,
  Req,
  Res,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  Analysis,
  analyseCode,
  cancelAnalysis,
  getAnalysis,
  getRuleset,
  listAnalyses,
  listRulesets,
  NewAnalysis,
  putRuleset,
  readReport,
  removeRuleset,
  Ruleset,
  startAnalysis,
  watchAnalysis,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, reduce, firstValueFrom, type Observable } from 'rxjs';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { tagged, versionIn } from '../http/entity-tag';
import { archiveKind, Uploads } from './uploads';

const MEDIA_TYPES = {
  json: 'application/json',
  metrics: 'application/json',
  sarif: 'application/sarif+json',
  markdown: 'text/markdown; charset=utf-8',
};
const ReportQuery = z.object({ format: z.enum(['json', 'sarif', 'markdown', 'metrics']).default('json') });
const RulesetBody = Ruleset.pick({ yaml: true }).meta({ id: 'RulesetBody' });

/** Analyses of code: metrics, duplication, cycles, dead exports, security, design. */
@ApiTags('analysis')
@Controller('api/v1/analyses')
@AdminOnly()
export class AnalysesController {
  constructor(
    private readonly bus: Bus,
    private readonly uploads: Uploads,
  ) {}

  /** Starts an analysis of files given here, of an upload, or of a folder below an allowed root. */
  @Post()
  @ApiOperation({ summary: 'Analyse files given here, an upload, or a folder below an allowed root' })
  @HttpCode(202)
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'The same key gives the same analysis' })
  @ApiResponse({ status: 202, standardSchema: Analysis })
  async start(
    @Body({ schema: NewAnalysis }) body: NewAnalysis,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Analysis> {
    const { files, upload, path, ...options } = body;
    const stored =
      files === undefined ? upload : (await this.uploads.store('json', Buffer.from(JSON.stringify(files)))).id;
    const source = files === undefined ? (upload === undefined ? 'path' : 'upload') : 'files';
    const once = idempotencyKey === undefined ? {} : { idempotencyKey, requestHash: hashOf(body) };
    const analysis = await this.bus.call(startAnalysis, { ...options, source, upload: stored, path, ...once });
    void reply.header('Location', `/api/v1/analyses/${analysis.id}`);
    return analysis;
  }

  @Get()
  @ApiOperation({ summary: 'Analyses, newest first' })
  @ApiResponse({ status: 200, standardSchema: listAnalyses.output })
  list(@Query({ schema: listAnalyses.input }) query: z.output<typeof listAnalyses.input>): Promise<Page<Analysis>> {
    return this.bus.call(listAnalyses, query);
  }

  /** Analyses a few small files at once and answers with what was found; nothing is stored. */
  @Post('instant')
  @ApiOperation({ summary: 'Analyse a few small files at once; nothing is stored' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: analyseCode.output })
  instant(
    @Body({ schema: analyseCode.input }) input: z.output<typeof analyseCode.input>,
  ): Promise<z.output<typeof analyseCode.output>> {
    return this.bus.call(analyseCode, input);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One analysis: its state, progress, summary and gate' })
  @ApiResponse({ status: 200, standardSchema: Analysis })
  get(@Param('id') id: string): Promise<Analysis> {
    return this.bus.call(getAnalysis, { id });
  }

  @Post(':id/cancel')
  @ApiOperation({ summary: 'Cancel an analysis that waits or runs' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Analysis })
  cancel(@Param('id') id: string): Promise<Analysis> {
    return this.bus.call(cancelAnalysis, { id });
  }

  /** The analysis each time it changes, until it has ended. */
  @Sse(':id/events')
  @ApiOperation({ summary: 'The analysis each time it changes, until it has ended' })
  events(@Param('id') id: string): Observable<MessageEvent> {
    return this.bus.stream(watchAnalysis, { id }).pipe(map((analysis) => ({ type: 'analysis', data: analysis })));
  }

  /** The report as JSON, SARIF 2.1.0, Markdown, or the metrics alone. */
  @Get(':id/report')
  @ApiOperation({ summary: 'The report as JSON, SARIF 2.1.0, Markdown, or the metrics alone' })
  @ApiQuery({ name: 'format', enum: ['json', 'sarif', 'markdown', 'metrics'], required: false })
  async report(
    @Param('id') id: string,
    @Query({ schema: ReportQuery }) { format }: z.output<typeof ReportQuery>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const text = await firstValueFrom(
      this.bus.stream(readReport, { id, format }).pipe(reduce((all, piece) => all + piece.text, '')),
    );
    await reply.header('content-type', MEDIA_TYPES[format]).send(text);
  }
}

function hashOf(body: NewAnalysis): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex');
}

/** Archives to be analysed; kept for a day. */
@ApiTags('analysis')
@Controller('api/v1/uploads')
@AdminOnly()
export class UploadsController {
  constructor(private readonly uploads: Uploads) {}

  /** Takes a zip or a (gzipped) tar archive of at most 50 MB as the body. */
  @Post()
  @ApiOperation({ summary: 'Upload a zip or tar archive of sources' })
  @HttpCode(201)
  @ApiConsumes('application/zip', 'application/gzip', 'application/x-tar')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  async upload(
    @Req() request: FastifyRequest,
  ): Promise<{ id: string; files: number; bytes: number; skipped: { path: string; reason: string }[] }> {
    return this.uploads.receive(archiveKind(request.headers['content-type']), request.body);
  }
}

/** Custom structural rules in the form of ast-grep. */
@ApiTags('analysis')
@Controller('api/v1/rulesets')
@AdminOnly()
export class RulesetsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Rulesets of custom rules' })
  @ApiResponse({ status: 200, standardSchema: listRulesets.output })
  list(): Promise<{ items: Ruleset[] }> {
    return this.bus.call(listRulesets, {});
  }

  @Get(':name')
  @ApiOperation({ summary: 'One ruleset' })
  @ApiResponse({ status: 200, standardSchema: Ruleset })
  async get(@Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Ruleset> {
    const ruleset = await this.bus.call(getRuleset, { name });
    return tagged(reply, ruleset);
  }

  /** Stores the rules; one that cannot be run is refused with its place. */
  @Put(':name')
  @ApiOperation({ summary: 'Save a ruleset (YAML, form of ast-grep); rules that cannot run are refused' })
  @ApiHeader({ name: 'If-Match', required: false })
  @ApiResponse({ status: 200, standardSchema: Ruleset })
  async put(
    @Param('name') name: string,
    @Body({ schema: RulesetBody }) { yaml }: z.output<typeof RulesetBody>,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Ruleset> {
    const ruleset = await this.bus.call(putRuleset, { name, yaml, ...versionIn(ifMatch) });
    return tagged(reply, ruleset);
  }

  @Delete(':name')
  @ApiOperation({ summary: 'Remove a ruleset' })
  @ApiHeader({ name: 'If-Match', required: false })
  @HttpCode(204)
  async remove(@Param('name') name: string, @Headers('if-match') ifMatch: string | undefined): Promise<void> {
    await this.bus.call(removeRuleset, { name, ...versionIn(ifMatch) });
  }
}
