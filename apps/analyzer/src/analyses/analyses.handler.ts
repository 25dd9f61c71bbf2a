import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import {
  analyseCode,
  cancelAnalysis,
  finishUpload,
  getAnalysis,
  listAnalyses,
  putUploadPart,
  readReport,
  startAnalysis,
  watchAnalysis,
  type Analysis,
  type Page,
} from '@mcp-router/shared';
import type { Observable } from 'rxjs';
import type { z } from 'zod';
import { AnalysesService } from './analyses.service';
import { AnalysesStore, publicPart } from './analyses.store';
import { UploadsStore } from './uploads.store';

@Controller()
export class AnalysesHandler {
  constructor(
    private readonly service: AnalysesService,
    private readonly analyses: AnalysesStore,
    private readonly uploads: UploadsStore,
  ) {}

  @Handles(putUploadPart)
  async putPart({ upload, index, data }: z.output<typeof putUploadPart.input>): Promise<Record<string, never>> {
    await this.uploads.putPart(upload, index, data);
    return {};
  }

  @Handles(finishUpload)
  finish({ upload, parts, kind }: z.output<typeof finishUpload.input>): Promise<z.output<typeof finishUpload.output>> {
    return this.uploads.finish(upload, parts, kind);
  }

  @Handles(startAnalysis)
  start(input: z.output<typeof startAnalysis.input>): Promise<Analysis> {
    return this.service.start(input);
  }

  @Handles(getAnalysis)
  async get({ id }: { id: string }): Promise<Analysis> {
    return publicPart(await this.analyses.get(id));
  }

  @Handles(listAnalyses)
  list(query: z.output<typeof listAnalyses.input>): Promise<Page<Analysis>> {
    return this.analyses.list(query);
  }

  @Handles(cancelAnalysis)
  cancel({ id }: { id: string }): Promise<Analysis> {
    return this.service.cancel(id);
  }

  @Handles(watchAnalysis)
  watch({ id }: { id: string }, context: BusContext): Observable<Analysis> {
    context.markEndless?.();
    return this.service.watch(id);
  }

  @Handles(readReport)
  report({ id, format }: z.output<typeof readReport.input>): Observable<{ text: string }> {
    return this.service.report(id, format);
  }

  @Handles(analyseCode)
  analyse({ files }: z.output<typeof analyseCode.input>): Promise<z.output<typeof analyseCode.output>> {
    return this.service.analyseNow(files);
  }
}
