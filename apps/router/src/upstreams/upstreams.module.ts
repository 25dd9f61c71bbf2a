import { Module } from '@nestjs/common';
import { AuthorizationModule } from '../authorization/authorization.module';
import { Catalogue } from '../catalogue/catalogue';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { UpstreamMetrics } from './upstream-metrics';
import { UpstreamRegistry } from './upstream-registry';

/** The running servers and what they offer. */
@Module({
  imports: [AuthorizationModule],
  providers: [Catalogue, CatalogueFeed, UpstreamMetrics, UpstreamRegistry],
  exports: [Catalogue, CatalogueFeed, UpstreamRegistry],
})
export class UpstreamsModule {}
