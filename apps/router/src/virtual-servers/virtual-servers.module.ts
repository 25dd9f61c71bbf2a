import { Module } from '@nestjs/common';
import { UpstreamsModule } from '../upstreams/upstreams.module';
import { VirtualServersHandler } from './virtual-servers.handler';
import { VirtualServers } from './virtual-servers.service';

/** Selections of tools of several servers at one address. */
@Module({
  imports: [UpstreamsModule],
  controllers: [VirtualServersHandler],
  providers: [VirtualServers],
  exports: [VirtualServers],
})
export class VirtualServersModule {}
