import { Controller } from '@nestjs/common';
import { Handles, recordEvent, Bus } from '@mcp-router/platform';
import { AppError, beginSignIn, finishSignIn, signOut, type SignIn } from '@mcp-router/shared';
import type { z } from 'zod';
import type { Authorizer } from '../authorization/authorizer';
import { GrantStore } from '../authorization/grant-store';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { ServersService } from './servers.service';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

/** Signing in to servers that want OAuth tokens. */
@Controller()
export class SignInHandler {
  constructor(
    private readonly servers: ServersService,
    private readonly upstreams: UpstreamRegistry,
    private readonly grants: GrantStore,
    private readonly bus: Bus,
  ) {}

  @Handles(beginSignIn)
  begin({ server, ...request }: Input<typeof beginSignIn>): Promise<SignIn> {
    return this.authorizerOf(server).begin(request);
  }

  @Handles(finishSignIn)
  async finish({ state, code, iss, error }: Input<typeof finishSignIn>): Promise<{ server: string }> {
    const slug = await this.grants.slugOf(state);
    if (slug === undefined)
      throw new AppError('not_found', 'This sign-in is unknown or too old', { hint: 'Begin again' });
    await this.authorizerOf(slug).finish({
      state,
      ...(code !== undefined && { code }),
      ...(iss !== undefined && { iss }),
      ...(error !== undefined && { error }),
    });
    recordEvent(this.bus, 'server.signedIn', { server: slug });
    await this.servers.restart(slug);
    return { server: slug };
  }

  @Handles(signOut)
  async out({ server }: Input<typeof signOut>): Promise<Record<string, never>> {
    const { slug } = this.servers.get(server);
    this.authorizerOf(slug);
    await this.grants.remove(slug);
    recordEvent(this.bus, 'server.signedOut', { server: slug });
    await this.servers.restart(slug);
    return {};
  }

  private authorizerOf(ref: string): Authorizer {
    const { slug } = this.servers.get(ref);
    const authorizer = this.upstreams.authorizerOf(slug);
    if (!authorizer?.isInteractive)
      throw new AppError('conflict', `Nobody signs in to "${slug}"`, {
        hint: 'Give the server "oauth" (an empty object will do)',
      });
    return authorizer;
  }
}
