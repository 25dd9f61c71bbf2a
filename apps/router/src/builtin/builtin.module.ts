import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Bus } from '@mcp-router/platform';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { UpstreamsModule } from '../upstreams/upstreams.module';
import { BUILTIN_TOOLS } from './index';
import { BuiltinUpstream } from './builtin-upstream';

/** Puts the server `router` into the catalogue. */
@Module({
  imports: [UpstreamsModule],
  providers: [
    { provide: BuiltinUpstream, inject: [Bus], useFactory: (bus: Bus) => new BuiltinUpstream(bus, BUILTIN_TOOLS) },
  ],
  exports: [BuiltinUpstream],
})
export class BuiltinModule implements OnApplicationBootstrap {
  constructor(
    private readonly registry: UpstreamRegistry,
    private readonly upstream: BuiltinUpstream,
  ) {}

  onApplicationBootstrap(): void {
    this.registry.addBuiltin(this.upstream);
  }
}
