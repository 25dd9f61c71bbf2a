import { Module } from '@nestjs/common';
import { Catalogue } from '../catalogue/catalogue';
import { CatalogueFeed } from '../catalogue/catalogue-feed';
import { UpstreamMetrics } from './upstream-metrics';
import { UpstreamRegistry } from './upstream-registry';

/** The running servers and what they offer. */
@Module({
  providers: [Catalogue, CatalogueFeed, UpstreamMetrics, UpstreamRegistry],
  exports: [Catalogue, CatalogueFeed, UpstreamRegistry],
})
export class UpstreamsModule {}
