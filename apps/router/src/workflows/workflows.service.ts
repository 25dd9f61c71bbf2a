import { Inject, Injectable } from '@nestjs/common';
import { Bus, ENV } from '@mcp-router/platform';
import {
  workflowPublished,
  AppError,
  type Principal,
  type Workflow as WorkflowView,
  type WorkflowReport,
} from '@mcp-router/shared';
import { Catalogue } from '../catalogue/catalogue';
import type { RouterEnv } from '../config';
import { SecretStore } from '../secrets/secret-store';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import type { WorkflowDocument } from './definition/workflow';
import type { NewRun } from './engine/run-store';
import { hintsOf } from './hints';
import { definitionLimits } from './limits';
import { liveCatalogue } from './live-catalogue';
import { ScheduleStore } from './schedules/schedule-store';
import type { ValidationCatalogue } from './validation/catalogue';
import { validateWorkflow, type ValidationResult } from './validation/validate';
import { VersionStore, type VersionRow } from './version-store';

/** How long a version that was found runnable is not checked again. */
const RUNNABLE_MS = 1_000;
const MAX_RUNNABLE = 1_000;

/** A version of which a run may begin now: what every run is made of. */
export type Admission = Pick<NewRun, 'versionId' | 'namespace' | 'name' | 'version' | 'principal'>;

/** Definitions: checked, kept as drafts, published. */
@Injectable()
export class WorkflowsService {
  /** Until when a version needs not be checked again for a caller. */
  private readonly runnable = new Map<string, number>();

  constructor(
    private readonly bus: Bus,
    private readonly versions: VersionStore,
    private readonly catalogue: Catalogue,
    private readonly upstreams: UpstreamRegistry,
    private readonly secrets: SecretStore,
    private readonly schedules: ScheduleStore,
    @Inject(ENV) private readonly env: RouterEnv,
  ) {}

  async validate(definition: unknown, principal: Principal): Promise<WorkflowReport> {
    const { valid, diagnostics } = await this.check(definition, principal, 'published');
    return { valid, diagnostics };
  }

  /** @throws AppError `invalid_request` for what cannot be read as a workflow at all */
  async save(definition: unknown, principal: Principal): Promise<WorkflowView & Pick<WorkflowReport, 'diagnostics'>> {
    const { workflow, diagnostics, tools } = await this.check(definition, principal, 'published');
    if (!workflow || diagnostics.some(({ code, severity }) => severity === 'error' && code.startsWith('WF1')))
      throw refusal(diagnostics, 'The definition is not a workflow');
    const { row } = await this.versions.save(workflow, tools);
    return { ...toView(row), diagnostics };
  }

  /** @throws AppError `invalid_request` when the validation finds errors */
  async publish(
    ref: { namespace: string; name: string; version: string },
    principal: Principal,
  ): Promise<WorkflowView> {
    const row = await this.find(ref);
    if (row.status === 'published') return toView(row);
    const { workflow, valid, diagnostics, tools } = await this.check(row.definition, principal);
    if (!valid || !workflow) throw refusal(diagnostics, 'The workflow has errors');
    const hints = hintsOf(workflow, await this.liveCatalogue(principal));
    const published = await this.versions.publish(row.id, { tools, hints }, (db, version) =>
      this.schedules.follow(db, version, workflow, principal),
    );
    const { namespace, name } = published;
    await this.bus.broadcast(workflowPublished, { namespace, name }).catch(() => undefined);
    return toView(published);
  }

  /**
   * Every run begins here, whoever starts it: a caller, a schedule, an event, another run.
   *
   * @throws AppError `not_found`; `conflict` for a draft; `invalid_request` with what keeps it from being run as of now
   */
  async admit(ref: { namespace: string; name: string; version: string }, principal: Principal): Promise<Admission> {
    const row = await this.find(ref);
    const { id: versionId, namespace, name, version } = row;
    if (row.status !== 'published')
      throw new AppError('conflict', 'Only published versions can be run', {
        hint: `POST /api/v1/workflows/${namespace}/${name}/versions/${version}/publish`,
      });
    await this.requireRunnable(row, principal);
    return { versionId, namespace, name, version, principal };
  }

  private async requireRunnable(row: VersionRow, principal: Principal): Promise<void> {
    // A published version does not change, so what was found a moment ago holds as long as the catalogue does.
    const key = `${row.id} ${this.catalogue.revision} ${JSON.stringify(principal.policy)}`;
    if ((this.runnable.get(key) ?? 0) > Date.now()) return;
    const { valid, diagnostics } = await this.check(row.definition, principal, row.tools);
    if (!valid) throw refusal(diagnostics, 'The workflow cannot be run');
    if (restsOnOthers(row.definition)) return;
    if (this.runnable.size >= MAX_RUNNABLE) this.runnable.clear();
    this.runnable.set(key, Date.now() + RUNNABLE_MS);
  }

  /** @throws AppError `not_found` */
  async find({ namespace, name, version }: { namespace: string; name: string; version: string }): Promise<VersionRow> {
    const row = await this.versions.find(namespace, name, version);
    if (row) return row;
    throw new AppError('not_found', `There is no version "${version}" of the workflow ${namespace}/${name}`, {
      hint: version === 'latest' ? 'Publish a version first' : 'GET /api/v1/workflows lists what there is',
    });
  }

  private async liveCatalogue(
    principal: Principal,
    versions: readonly VersionRow[] = [],
  ): Promise<ValidationCatalogue> {
    const secrets = await this.secrets.names();
    const isUp = (server: string) => {
      const state = this.upstreams.get(server)?.state;
      return state !== undefined && state !== 'unreachable';
    };
    return liveCatalogue({ catalogue: this.catalogue, versions, secrets, isUp }, principal);
  }

  private async check(
    definition: unknown,
    principal: Principal,
    /** Hashes of the tools to compare with; `published`: those of the published version of the same name. */
    known?: Record<string, string> | 'published',
  ): Promise<ValidationResult> {
    const versions = await this.versions.list();
    const catalogue = await this.liveCatalogue(principal, versions);
    const limits = definitionLimits(this.env);
    return validateWorkflow(definition, catalogue, {
      limits,
      // What is published was checked as that of the administrator who published it.
      mayStartProcesses: principal.role === 'admin' || typeof known === 'object',
      ...(known === 'published' ? { hashesOf: (document) => hashesOf(versions, document) } : {}),
      ...(typeof known === 'object' ? { publishedHashes: known } : {}),
    });
  }
}

/** Of the version that was published last under the name that a definition has. */
function hashesOf(
  versions: readonly VersionRow[],
  { namespace, name }: WorkflowDocument,
): Record<string, string> | undefined {
  return versions
    .filter((row) => row.status === 'published' && row.namespace === namespace && row.name === name)
    .sort((a, b) => Number(b.published_at) - Number(a.published_at))[0]?.tools;
}

export function toView(row: VersionRow, withDefinition = false): WorkflowView {
  const document = row.definition['document'] as { title?: string; summary?: string };
  return {
    namespace: row.namespace,
    name: row.name,
    version: row.version,
    status: row.status,
    ...(document.title === undefined ? {} : { title: document.title }),
    ...(document.summary === undefined ? {} : { summary: document.summary }),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    publishedAt: row.published_at?.toISOString() ?? null,
    ...(withDefinition ? { definition: row.definition } : {}),
  };
}

function refusal(diagnostics: WorkflowReport['diagnostics'], detail: string): AppError {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return new AppError('invalid_request', detail, {
    errors: errors.slice(0, 50).map(({ pointer, message, code }) => ({ pointer, detail: `${code}: ${message}` })),
    hint: errors[0]?.hint ?? 'POST /api/v1/workflows/validate tells what is wrong',
    data: { diagnostics: errors.slice(0, 50) },
  });
}

/** Whether something may go away that a definition needs, without the catalogue changing: secrets, other workflows. */
function restsOnOthers(definition: unknown): boolean {
  return /"(?:secrets|workflow)":/.test(JSON.stringify(definition));
}
