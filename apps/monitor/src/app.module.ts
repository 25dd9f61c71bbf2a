import { Module } from '@nestjs/common';
import { CallsHandler } from './calls/calls.handler';
import { CallsService } from './calls/calls.service';
import { Collector } from './metrics/collector';
import { MetricsHandler } from './metrics/metrics.handler';
import { MetricsService } from './metrics/metrics.service';
import { MetricsStore } from './metrics/metrics.store';

@Module({
  controllers: [CallsHandler, MetricsHandler],
  providers: [CallsService, Collector, MetricsService, MetricsStore],
})
export class AppModule {}
