import { readings, type Reading } from './readings';
import { textSites, type TextSite } from './text-sites';

/** A tool's definition as its server gives it. Everything in it is untrusted. */
export interface SurfaceTool {
  server: string;
  name: string;
  title?: string | undefined;
  description?: string | undefined;
  inputSchema?: unknown;
  outputSchema?: unknown;
  annotations?: Record<string, unknown> | undefined;
}

/** One text of a definition with everything it may say once disguises are taken off. */
export interface ReadSite extends TextSite {
  readings: Reading[];
}

export interface ScannedTool extends SurfaceTool {
  sites: ReadSite[];
}

/** All tools that a caller sees at once: what shadowing and look-alikes are judged against. */
export interface Catalogue {
  tools: ScannedTool[];
  /** Servers that offer a tool of this name. */
  serversByName: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A definition with the types it should have: what a hostile server put in their place is left out. */
function wellTyped(tool: SurfaceTool): SurfaceTool {
  const { title, description, annotations } = tool as { title?: unknown; description?: unknown; annotations?: unknown };
  const isRecord = typeof annotations === 'object' && annotations !== null && !Array.isArray(annotations);
  return {
    ...tool,
    title: typeof title === 'string' ? title : undefined,
    description: typeof description === 'string' ? description : undefined,
    annotations: isRecord ? (annotations as Record<string, unknown>) : undefined,
  };
}

function scanned(given: SurfaceTool): ScannedTool {
  const tool = wellTyped(given);
  return { ...tool, sites: textSites(tool).map((site) => ({ ...site, readings: readings(site.text) })) };
}

export function catalogueOf(tools: readonly SurfaceTool[]): Catalogue {
  const serversByName = new Map<string, Set<string>>();
  for (const { name, server } of tools) {
    const servers = serversByName.get(name) ?? new Set();
    servers.add(server);
    serversByName.set(name, servers);
  }
  return { tools: tools.map(scanned), serversByName };
}
