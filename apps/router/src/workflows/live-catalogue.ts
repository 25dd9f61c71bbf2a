import { createHash } from 'node:crypto';
import { isToolAllowed, type Principal } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import type { JsonObject } from './definition/json';
import { parseWorkflow } from './definition/parse';
import { runsOf } from './definition/task-lists';
import type { CatalogueTool, CatalogueWorkflow, ValidationCatalogue } from './validation/catalogue';
import type { VersionRow } from './version-store';

/** Changes whenever the definition of a tool does. */
export function toolHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const tools = new WeakMap<object, CatalogueTool>();

/** What there is at this moment. */
export interface Surroundings {
  catalogue: Catalogue;
  versions: readonly VersionRow[];
  /** Names of the stored secrets. */
  secrets: ReadonlySet<string>;
  /** Whether a server can be called now. */
  isUp: (server: string) => boolean;
}

/** The catalogue of this moment and the published workflows, as one caller sees them. */
export function liveCatalogue(
  { catalogue, versions, secrets, isUp }: Surroundings,
  { policy }: Principal,
): ValidationCatalogue {
  return {
    tool(name) {
      const item = catalogue.find('tools', name);
      if (!item) return undefined;
      let tool = tools.get(item);
      if (!tool) {
        const { inputSchema = {}, outputSchema, annotations } = JSON.parse(item.text) as Partial<CatalogueTool>;
        const hash = toolHash(item.text);
        tool = {
          inputSchema,
          hash,
          ...(outputSchema ? { outputSchema } : {}),
          ...(annotations ? { annotations } : {}),
        };
        tools.set(item, tool);
      }
      return isUp(item.server) ? tool : { ...tool, isAvailable: false };
    },
    toolNames: () => catalogue.list('tools').items.map(({ publicName }) => publicName),
    isAllowed: (tool) => isToolAllowed(policy, tool),
    workflow(namespace, name, version) {
      const row = versions.find(
        (candidate) =>
          candidate.namespace === namespace &&
          candidate.name === name &&
          candidate.status === 'published' &&
          (version === 'latest' || candidate.version === version),
      );
      return row && described(row.definition);
    },
    secrets,
    workflowNames: () => [...new Set(versions.map(({ namespace, name }) => `${namespace}/${name}`))],
  };
}

function described(definition: JsonObject): CatalogueWorkflow {
  const { workflow } = parseWorkflow(definition);
  return {
    ...(workflow?.input.schema === undefined ? {} : { inputSchema: workflow.input.schema }),
    ...(workflow?.output.schema === undefined ? {} : { outputSchema: workflow.output.schema }),
    ...(workflow ? { runs: runsOf(workflow) } : {}),
  };
}
