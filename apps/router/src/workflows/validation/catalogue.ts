import type { Json, JsonObject } from '../definition/json';

/** A tool as validation sees it. */
export interface CatalogueTool {
  inputSchema: JsonObject;
  /** Of the structured content, which is what a task that calls the tool puts out when there is one. */
  outputSchema?: JsonObject;
  annotations?: {
    readOnlyHint?: boolean;
    destructiveHint?: boolean;
    idempotentHint?: boolean;
    openWorldHint?: boolean;
  };
  /** Changes whenever the definition of the tool does. */
  hash: string;
  /** False while its server cannot be reached. */
  isAvailable?: boolean;
}

/** A published workflow that another may run. */
export interface CatalogueWorkflow {
  inputSchema?: Json;
  outputSchema?: Json;
  /** Workflows that it runs itself: `runsOf` its definition. */
  runs?: { namespace: string; name: string }[];
}

/** What a definition is checked against: the live catalogue, as one caller sees it. */
export interface ValidationCatalogue {
  tool(name: string): CatalogueTool | undefined;
  toolNames(): readonly string[];
  /** Whether the caller may call a tool that exists; all of them when absent. */
  isAllowed?(tool: string): boolean;
  /** `version` is a version or `latest`. */
  workflow(namespace: string, name: string, version: string): CatalogueWorkflow | undefined;
  workflowNames?(): readonly string[];
  /** Names of stored secrets; undefined when they are not known here, and then not checked. */
  secrets?: ReadonlySet<string>;
}

/** A catalogue of nothing: only the definition itself is checked. */
export const EMPTY_CATALOGUE: ValidationCatalogue = {
  tool: () => undefined,
  toolNames: () => [],
  workflow: () => undefined,
};

/** Whether calling the tool twice does no more than calling it once. */
export function isRepeatable(tool: CatalogueTool): boolean {
  return tool.annotations?.readOnlyHint === true || tool.annotations?.idempotentHint === true;
}

/** Whether the tool may destroy; as in MCP, one that does not say is taken to. */
export function isDestructive(tool: CatalogueTool): boolean {
  return tool.annotations?.readOnlyHint !== true && tool.annotations?.destructiveHint !== false;
}
