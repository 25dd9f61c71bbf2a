import type { FastifyRequest } from 'fastify';

/** The scheme and host that the caller reached us under; the host has been checked by the door. */
export function originOf(request: FastifyRequest): string {
  const forwarded = request.headers['x-forwarded-proto'];
  const scheme = forwarded === 'https' || forwarded === 'http' ? forwarded : request.protocol;
  return `${scheme}://${request.headers.host ?? 'localhost'}`;
}
