import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AppError } from '@mcp-router/shared';
import type { GatewayRequest } from '../http/request-context';
import { AccessService, requireAdmin } from './access.service';

const ACCESS = 'mcp-router:access';

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
    this.access.admit(principal);
    if (needs === 'admin') requireAdmin(principal);
    return true;
  }
}
