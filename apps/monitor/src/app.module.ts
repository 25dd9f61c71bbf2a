import { Module } from '@nestjs/common';
import { AlertsHandler } from './alerts/alerts.handler';
import { AlertsStore } from './alerts/alerts.store';
import { Evaluator } from './alerts/evaluator';
import { Notifiers } from './alerts/notifiers';
import { SilencesStore } from './alerts/silences.store';
import { Webhooks } from './alerts/webhooks';
import { CallsHandler } from './calls/calls.handler';
import { CallsService } from './calls/calls.service';
import { EventsHandler } from './events/events.handler';
import { EventsService } from './events/events.service';
import { EventsStore } from './events/events.store';
import { Collector } from './metrics/collector';
import { MetricsHandler } from './metrics/metrics.handler';
import { MetricsService } from './metrics/metrics.service';
import { MetricsStore } from './metrics/metrics.store';
import { HostMetrics } from './system/host-metrics';
import { SystemHandler } from './system/system.handler';
import { SystemService } from './system/system.service';
import { UptimeHandler } from './uptime/uptime.handler';
import { UptimeService } from './uptime/uptime.service';

@Module({
  controllers: [AlertsHandler, CallsHandler, EventsHandler, MetricsHandler, SystemHandler, UptimeHandler],
  providers: [
    AlertsStore,
    Evaluator,
    Notifiers,
    SilencesStore,
    Webhooks,
    CallsService,
    Collector,
    EventsService,
    EventsStore,
    HostMetrics,
    MetricsService,
    MetricsStore,
    SystemService,
    UptimeService,
  ],
})
export class AppModule {}
