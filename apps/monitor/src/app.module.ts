import { Module } from '@nestjs/common';
import { CallsHandler } from './calls/calls.handler';
import { CallsService } from './calls/calls.service';
import { EventsHandler } from './events/events.handler';
import { EventsService } from './events/events.service';
import { EventsStore } from './events/events.store';
import { Collector } from './metrics/collector';
import { MetricsHandler } from './metrics/metrics.handler';
import { MetricsService } from './metrics/metrics.service';
import { MetricsStore } from './metrics/metrics.store';
import { SystemHandler } from './system/system.handler';
import { SystemService } from './system/system.service';

@Module({
  controllers: [CallsHandler, EventsHandler, MetricsHandler, SystemHandler],
  providers: [CallsService, Collector, EventsService, EventsStore, MetricsService, MetricsStore, SystemService],
})
export class AppModule {}
