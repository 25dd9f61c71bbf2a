import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import {
  exportWorkflow,
  getSchedule,
  getWorkflow,
  listWorkflows,
  listWorkflowTemplates,
  publishWorkflow,
  removeWorkflowDraft,
  Run,
  saveWorkflow,
  setSchedule,
  startRun,
  validateWorkflow,
  Workflow,
  WorkflowReport,
  WorkflowSchedule,
  WorkflowSource,
  type Page,
} from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';

const Definition = z
  .strictObject({ definition: z.unknown() })
  .meta({ id: 'WorkflowDefinition', description: 'YAML or JSON as text, or an object' });
const SavedDefinition = z.strictObject({ definition: WorkflowSource });
const VersionQuery = z.object({ version: z.string().min(1).max(64).default('latest') });
const ExportQuery = VersionQuery.extend({ format: z.enum(['yaml', 'json', 'mermaid']).default('yaml') });
const RunRequest = z
  .strictObject({ input: z.unknown().optional(), version: z.string().min(1).max(64).default('latest') })
  .meta({ id: 'WorkflowRunRequest' });
/** `10s`, `500ms`, or seconds. */
const RunQuery = z.object({
  wait: z
    .string()
    .regex(/^\d{1,5}(ms|s)?$/)
    .transform((text) => Math.min(60_000, Number.parseInt(text, 10) * (text.endsWith('ms') ? 1 : 1000)))
    .optional(),
});

const ScheduleSetting = z.strictObject({ enabled: z.boolean() }).meta({ id: 'WorkflowScheduleSetting' });

type WorkflowsQuery = z.output<typeof listWorkflows.input>;

/** Workflows of the CNCF Serverless Workflow DSL: drafts, published versions, runs of them. */
@ApiTags('workflows')
@Controller('api/v1/workflows')
export class WorkflowsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Workflows with their versions' })
  @ApiResponse({ status: 200, standardSchema: listWorkflows.output })
  list(@Query({ schema: listWorkflows.input }) query: WorkflowsQuery): Promise<Page<Workflow>> {
    return this.bus.call(listWorkflows, query);
  }

  @Get('templates')
  @ApiOperation({ summary: 'Definitions to begin with: the patterns of agents that work' })
  @ApiResponse({ status: 200, standardSchema: listWorkflowTemplates.output })
  templates(): Promise<z.output<typeof listWorkflowTemplates.output>> {
    return this.bus.call(listWorkflowTemplates, {});
  }

  /** Tells what is wrong with a definition; the answer is 200 whatever it is. */
  @Post('validate')
  @ApiOperation({ summary: 'Checks a definition against the standard, its flow and the live catalogue' })
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: WorkflowReport })
  validate(@Body({ schema: Definition }) { definition }: z.output<typeof Definition>): Promise<WorkflowReport> {
    return this.bus.call(validateWorkflow, { definition });
  }

  /** Stores a draft under the namespace, name and version that the document says. */
  @Post()
  @ApiOperation({ summary: 'Stores a draft under the namespace, name and version of its document' })
  @AdminOnly()
  @ApiResponse({ status: 201, standardSchema: saveWorkflow.output })
  async save(
    @Body({ schema: SavedDefinition }) { definition }: z.output<typeof SavedDefinition>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<z.output<typeof saveWorkflow.output>> {
    const saved = await this.bus.call(saveWorkflow, { definition });
    void reply.header('Location', `/api/v1/workflows/${saved.namespace}/${saved.name}?version=${saved.version}`);
    return saved;
  }

  @Get(':namespace/:name')
  @ApiOperation({ summary: 'One version with its definition; the one published last by default' })
  @ApiResponse({ status: 200, standardSchema: Workflow })
  get(
    @Param('namespace') namespace: string,
    @Param('name') name: string,
    @Query({ schema: VersionQuery }) { version }: z.output<typeof VersionQuery>,
  ): Promise<Workflow> {
    return this.bus.call(getWorkflow, { namespace, name, version });
  }

  @Get(':namespace/:name/versions')
  @ApiOperation({ summary: 'All versions of a workflow' })
  @ApiResponse({ status: 200, standardSchema: listWorkflows.output })
  versions(@Param('namespace') namespace: string, @Param('name') name: string): Promise<Page<Workflow>> {
    return this.bus.call(listWorkflows, { namespace, name, limit: 1000 });
  }

  @Get(':namespace/:name/export')
  @ApiOperation({ summary: 'A definition as YAML, JSON or a Mermaid diagram' })
  async export(
    @Param('namespace') namespace: string,
    @Param('name') name: string,
    @Query({ schema: ExportQuery }) query: z.output<typeof ExportQuery>,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { text } = await this.bus.call(exportWorkflow, { namespace, name, ...query });
    const type = { yaml: 'application/yaml', json: 'application/json', mermaid: 'text/vnd.mermaid' }[query.format];
    await reply.header('content-type', `${type}; charset=utf-8`).send(text);
  }

  @Post(':namespace/:name/versions/:version/publish')
  @ApiOperation({ summary: 'Fixes a version, so that it can be run' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: Workflow })
  publish(
    @Param('namespace') namespace: string,
    @Param('name') name: string,
    @Param('version') version: string,
  ): Promise<Workflow> {
    return this.bus.call(publishWorkflow, { namespace, name, version });
  }

  /** Removes a draft. */
  @Delete(':namespace/:name/versions/:version')
  @ApiOperation({ summary: 'Removes a draft' })
  @AdminOnly()
  @HttpCode(204)
  async remove(
    @Param('namespace') namespace: string,
    @Param('name') name: string,
    @Param('version') version: string,
  ): Promise<void> {
    await this.bus.call(removeWorkflowDraft, { namespace, name, version });
  }

  @Get(':namespace/:name/schedule')
  @ApiOperation({ summary: 'When the workflow starts by itself' })
  @ApiResponse({ status: 200, standardSchema: WorkflowSchedule })
  schedule(@Param('namespace') namespace: string, @Param('name') name: string): Promise<WorkflowSchedule> {
    return this.bus.call(getSchedule, { namespace, name });
  }

  @Put(':namespace/:name/schedule')
  @ApiOperation({ summary: 'Switches the schedule on or off' })
  @AdminOnly()
  @ApiResponse({ status: 200, standardSchema: WorkflowSchedule })
  setSchedule(
    @Param('namespace') namespace: string,
    @Param('name') name: string,
    @Body({ schema: ScheduleSetting }) { enabled }: z.output<typeof ScheduleSetting>,
  ): Promise<WorkflowSchedule> {
    return this.bus.call(setSchedule, { namespace, name, enabled });
  }

  /** Starts a run; with `wait` the answer comes when it has ended, or after that time. */
  @Post(':namespace/:name/runs')
  @ApiOperation({ summary: 'Starts a run; with `wait` the answer comes when it has ended' })
  @ApiHeader({ name: 'Idempotency-Key', required: false, description: 'The same key gives the same run' })
  @ApiBody({ standardSchema: RunRequest } as never)
  @ApiResponse({ status: 201, standardSchema: Run })
  async run(
    @Param('namespace') namespace: string,
    @Param('name') name: string,
    @Body({ schema: RunRequest }) { input, version }: z.output<typeof RunRequest>,
    @Query({ schema: RunQuery }) { wait }: z.output<typeof RunQuery>,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Run> {
    const { isNew, ...run } = await this.bus.call(startRun, {
      namespace,
      name,
      version,
      ...(input === undefined ? {} : { input }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(wait === undefined ? {} : { waitMs: wait }),
    });
    void reply.status(isNew ? 201 : 200).header('Location', `/api/v1/runs/${run.id}`);
    return run;
  }
}
