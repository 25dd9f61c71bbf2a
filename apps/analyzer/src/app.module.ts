import { Module } from '@nestjs/common';
import { Engine } from './engine/engine';
import { FindingsHandler } from './findings/findings.handler';
import { FindingsStore } from './findings/findings.store';
import { PinsHandler } from './pins/pins.handler';
import { PinsService } from './pins/pins.service';
import { PinsStore } from './pins/pins.store';
import { SurfaceHandler } from './surface/surface.handler';
import { SurfaceService } from './surface/surface.service';

@Module({
  controllers: [FindingsHandler, PinsHandler, SurfaceHandler],
  providers: [Engine, FindingsStore, PinsService, PinsStore, SurfaceService],
})
export class AppModule {}
