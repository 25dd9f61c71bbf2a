import { createHash } from 'node:crypto';
import { canonical, definitionOf, type Definition } from '@mcp-router/shared';

/**
 * SHA-256 of a tool's definition in a form where the order of keys, and white space in texts for people, make no
 * difference. Everything else does.
 */
export function definitionHash(tool: Definition): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(definitionOf(tool))))
    .digest('hex');
}
