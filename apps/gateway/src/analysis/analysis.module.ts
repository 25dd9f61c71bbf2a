import { Module } from '@nestjs/common';
import { AnalysesController, RulesetsController, UploadsController } from './analyses.controller';
import { FindingsController, RulesController } from './findings.controller';
import { ScansController, ToolPinsController } from './tool-pins.controller';
import { Uploads } from './uploads';

@Module({
  controllers: [
    AnalysesController,
    FindingsController,
    RulesController,
    RulesetsController,
    ScansController,
    ToolPinsController,
    UploadsController,
  ],
  providers: [Uploads],
})
export class AnalysisModule {}
