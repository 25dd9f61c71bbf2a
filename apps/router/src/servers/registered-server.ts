import type { ServerDefinition } from '@mcp-router/shared';
import { v5 } from 'uuid';

/** A server as the router knows it, wherever its definition comes from. */
export interface RegisteredServer {
  id: string;
  slug: string;
  source: 'file' | 'rest' | 'discovery' | 'builtin';
  definition: ServerDefinition;
  /** Entity tag. */
  version: string;
  createdAt: Date;
  updatedAt: Date;
  /** Why its secrets cannot be read; such a server is not started. */
  fault?: string;
}

const FILE_NAMESPACE = '6f1c3d0e-8f43-4f57-9f0a-5b8d2f6f7c11';

/** The id of a server that is not stored: the same on every replica and after every start. */
export function idOfSlug(slug: string): string {
  return v5(slug, FILE_NAMESPACE);
}
