import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AppError, type Principal } from '@mcp-router/shared';
import type { GatewayRequest } from '../http/request-context';
import { AccessService, requireAdmin } from './access.service';

const ACCESS = 'mcp-router:access';

const TOOL_CALL = /^\/api\/v1\/tools\/([\w.-]+)\/call(?:\?|$)/;

/** This route, or all of this controller, needs no key. */
export const Public = () => SetMetadata(ACCESS, 'public');

/** Only agents with the role `admin` get in. */
export const AdminOnly = () => SetMetadata(ACCESS, 'admin');

/** Every REST route needs a key, unless it says otherwise. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly access: AccessService,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const needs = this.reflector.getAllAndOverride<'public' | 'admin' | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (needs === 'public') return true;
    const request = context.switchToHttp().getRequest<GatewayRequest>();
    const principal = this.access.authenticate(request.headers.authorization);
    if (!principal) {
      throw new AppError('unauthorized', 'The API key is missing, unknown, revoked or expired', {
        hint: 'Send "Authorization: Bearer <key>"',
      });
    }
    request.principal = principal;
    this.admit(principal, request);
    if (needs === 'admin') requireAdmin(principal);
    return true;
  }

  /** @throws AppError `rate_limited`; a call of a tool that is not let in is noted */
  private admit(principal: Principal, request: GatewayRequest): void {
    try {
      this.access.admit(principal);
    } catch (error) {
      const tool = TOOL_CALL.exec(request.url)?.[1];
      if (tool !== undefined)
        this.access.noteRefused(principal, {
          endpoint: 'rest',
          method: 'tools/call',
          tool,
          requestId: request.id,
          requestBytes: Number(request.headers['content-length'] ?? 0),
        });
      throw error;
    }
  }
}
