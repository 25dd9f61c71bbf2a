import { createHash } from 'node:crypto';
import { isToolAllowed, type Principal } from '@mcp-router/shared';
import type { Catalogue } from '../catalogue/catalogue';
import type { JsonObject } from './definition/json';
import { parseWorkflow } from './definition/parse';
import type { CatalogueTool, CatalogueWorkflow, ValidationCatalogue } from './validation/catalogue';
import type { VersionRow } from './version-store';

const tools = new WeakMap<object, CatalogueTool>();

/** The catalogue of this moment and the published workflows, as one caller sees them. */
export function liveCatalogue(
  catalogue: Catalogue,
  published: readonly VersionRow[],
  { policy }: Principal,
): ValidationCatalogue {
  return {
    tool(name) {
      const item = catalogue.find('tools', name);
      if (!item) return undefined;
      let tool = tools.get(item);
      if (!tool) {
        const { inputSchema = {}, outputSchema, annotations } = JSON.parse(item.text) as Partial<CatalogueTool>;
        const hash = createHash('sha256').update(item.text).digest('hex');
        tool = {
          inputSchema,
          hash,
          ...(outputSchema ? { outputSchema } : {}),
          ...(annotations ? { annotations } : {}),
        };
        tools.set(item, tool);
      }
      return tool;
    },
    toolNames: () => catalogue.list('tools').items.map(({ publicName }) => publicName),
    isAllowed: (tool) => isToolAllowed(policy, tool),
    workflow(namespace, name, version) {
      const row = published.find(
        (candidate) =>
          candidate.namespace === namespace &&
          candidate.name === name &&
          candidate.status === 'published' &&
          (version === 'latest' || candidate.version === version),
      );
      return row && described(row.definition);
    },
    workflowNames: () => [...new Set(published.map(({ namespace, name }) => `${namespace}/${name}`))],
  };
}

function described(definition: JsonObject): CatalogueWorkflow {
  const { workflow } = parseWorkflow(definition);
  return {
    ...(workflow?.input.schema === undefined ? {} : { inputSchema: workflow.input.schema }),
    ...(workflow?.output.schema === undefined ? {} : { outputSchema: workflow.output.schema }),
  };
}
