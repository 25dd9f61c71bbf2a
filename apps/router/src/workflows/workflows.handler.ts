import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import {
  AppError,
  startAfter,
  exportWorkflow,
  getWorkflow,
  listWorkflows,
  listWorkflowTemplates,
  publishWorkflow,
  removeWorkflowDraft,
  saveWorkflow,
  SYSTEM_PRINCIPAL,
  toPage,
  validateWorkflow,
  type Page,
  type Workflow,
  type WorkflowReport,
  type WorkflowTemplate,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { exportWorkflow as exportDefinition } from './definition/export';
import { parseWorkflow } from './definition/parse';
import { TEMPLATES } from './templates/templates';
import { VersionStore } from './version-store';
import { toView, WorkflowsService } from './workflows.service';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class WorkflowsHandler {
  constructor(
    private readonly workflows: WorkflowsService,
    private readonly versions: VersionStore,
  ) {}

  @Handles(validateWorkflow)
  validate({ definition }: Input<typeof validateWorkflow>, context: BusContext): Promise<WorkflowReport> {
    return this.workflows.validate(definition, context.principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(saveWorkflow)
  save(
    { definition }: Input<typeof saveWorkflow>,
    context: BusContext,
  ): Promise<Workflow & Pick<WorkflowReport, 'diagnostics'>> {
    return this.workflows.save(definition, context.principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(listWorkflows)
  async list({ namespace, name, cursor, limit }: Input<typeof listWorkflows>): Promise<Page<Workflow>> {
    const key = (row: { namespace: string; name: string; version: string }) =>
      `${row.namespace}/${row.name}/${row.version}`;
    const after = startAfter(cursor);
    const rows = (await this.versions.list(namespace, name)).sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const page = toPage(rows.filter((row) => key(row) > after).slice(0, limit + 1), limit, key);
    return { ...page, items: page.items.map((row) => toView(row)) };
  }

  @Handles(listWorkflowTemplates)
  templates({ name }: Input<typeof listWorkflowTemplates>): Promise<{ items: WorkflowTemplate[] }> {
    return Promise.resolve({ items: TEMPLATES.filter((template) => name === undefined || template.name === name) });
  }

  @Handles(getWorkflow)
  async get(ref: Input<typeof getWorkflow>): Promise<Workflow> {
    return toView(await this.workflows.find(ref), true);
  }

  @Handles(exportWorkflow)
  async export({ format, ...ref }: Input<typeof exportWorkflow>): Promise<{ text: string }> {
    const { definition } = await this.workflows.find(ref);
    const { workflow } = parseWorkflow(definition);
    if (!workflow) throw new AppError('not_found', 'The stored definition cannot be read any more');
    return { text: exportDefinition(workflow, format) };
  }

  @Handles(publishWorkflow)
  publish(ref: Input<typeof publishWorkflow>, context: BusContext): Promise<Workflow> {
    return this.workflows.publish(ref, context.principal ?? SYSTEM_PRINCIPAL);
  }

  @Handles(removeWorkflowDraft)
  async remove({ namespace, name, version }: Input<typeof removeWorkflowDraft>): Promise<Record<string, never>> {
    if ((await this.versions.removeDrafts(namespace, name, version)) === 0)
      throw new AppError('not_found', `There is no draft ${version} of ${namespace}/${name}`, {
        hint: 'Versions that were published, or have runs, stay',
      });
    return {};
  }
}
