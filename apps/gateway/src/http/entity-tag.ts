import type { FastifyReply } from 'fastify';

/** Gives an answer the `ETag` by which its reader says what it was changed from. */
export function tagged<T extends { version: string }>(reply: FastifyReply, entity: T): T {
  void reply.header('ETag', `"${entity.version}"`);
  return entity;
}

/** The version that `If-Match` names; nothing for `*`, which any version matches. */
export function versionIn(ifMatch: string | undefined): { ifMatch?: string } {
  return ifMatch === undefined || ifMatch.trim() === '*' ? {} : { ifMatch: ifMatch.replace(/^\s*W\/|"|\s/g, '') };
}
