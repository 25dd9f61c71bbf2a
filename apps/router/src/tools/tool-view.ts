import type { Tool } from '@mcp-router/shared';
import type { CatalogueItem } from '../catalogue/catalogue-item';

/** A tool as REST and the other services see it: its definition under its public name. */
export function toolView({ server, name, publicName, text }: CatalogueItem): Tool {
  return { ...readDefinition(text), name: publicName, server, originalName: name };
}

/** @param text a tool's definition as its server wrote it */
export function readDefinition(text: string): Record<string, unknown> & Pick<Tool, 'inputSchema'> {
  const definition = JSON.parse(text) as Record<string, unknown>;
  return { ...definition, inputSchema: (definition['inputSchema'] ?? { type: 'object' }) as Tool['inputSchema'] };
}
