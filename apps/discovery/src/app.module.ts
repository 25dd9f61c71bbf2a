import { Module } from '@nestjs/common';
import { HealthHandler } from './health/health.handler';
import { HealthSchedule } from './health/health.schedule';
import { HealthService } from './health/health.service';
import { HealthStore } from './health/health.store';
import { TrafficWatch } from './health/traffic-watch';

@Module({
  controllers: [HealthHandler],
  providers: [HealthSchedule, HealthService, HealthStore, TrafficWatch],
})
export class AppModule {}
