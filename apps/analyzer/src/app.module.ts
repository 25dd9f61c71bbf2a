import { Module } from '@nestjs/common';
import { AnalysesHandler } from './analyses/analyses.handler';
import { AnalysesService } from './analyses/analyses.service';
import { AnalysesStore } from './analyses/analyses.store';
import { AnalysisRunner } from './analyses/runner';
import { UploadsStore } from './analyses/uploads.store';
import { Engine } from './engine/engine';
import { FindingsHandler } from './findings/findings.handler';
import { FindingsStore } from './findings/findings.store';
import { PinsHandler } from './pins/pins.handler';
import { PinsService } from './pins/pins.service';
import { PinsStore } from './pins/pins.store';
import { RulesetsHandler } from './rulesets/rulesets.handler';
import { RulesetsService } from './rulesets/rulesets.service';
import { SurfaceHandler } from './surface/surface.handler';
import { SurfaceService } from './surface/surface.service';

@Module({
  controllers: [AnalysesHandler, FindingsHandler, PinsHandler, RulesetsHandler, SurfaceHandler],
  providers: [
    AnalysesService,
    AnalysesStore,
    AnalysisRunner,
    Engine,
    FindingsStore,
    PinsService,
    PinsStore,
    RulesetsService,
    SurfaceService,
    UploadsStore,
  ],
})
export class AppModule {}
