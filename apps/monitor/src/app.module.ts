import { Module } from '@nestjs/common';
import { CallsHandler } from './calls/calls.handler';
import { CallsService } from './calls/calls.service';

@Module({
  controllers: [CallsHandler],
  providers: [CallsService],
})
export class AppModule {}
