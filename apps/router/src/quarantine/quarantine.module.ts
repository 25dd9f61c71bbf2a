import { Module } from '@nestjs/common';
import { UpstreamsModule } from '../upstreams/upstreams.module';
import { Quarantine } from './quarantine';

/** Which tools may not be used until someone has looked at them. */
@Module({ imports: [UpstreamsModule], providers: [Quarantine], exports: [Quarantine] })
export class QuarantineModule {}
