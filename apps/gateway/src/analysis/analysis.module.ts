import { Module } from '@nestjs/common';
import { FindingsController, RulesController } from './findings.controller';
import { ScansController, ToolPinsController } from './tool-pins.controller';

@Module({ controllers: [FindingsController, RulesController, ScansController, ToolPinsController] })
export class AnalysisModule {}
