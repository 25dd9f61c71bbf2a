import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  type DiscoverySource,
  type NewDiscoverySource,
  type Page,
  type SourceTest,
  addSource,
  startAfter,
  getSource,
  listSources,
  removeSource,
  syncSource,
  testSource,
  toPage,
  updateSource,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { SourcesService } from './sources.service';
import { SourcesStore } from './sources.store';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class SourcesHandler {
  constructor(
    private readonly sources: SourcesService,
    private readonly store: SourcesStore,
  ) {}

  @Handles(listSources)
  async list({ cursor, limit }: Input<typeof listSources>): Promise<Page<DiscoverySource>> {
    const after = startAfter(cursor);
    return toPage(await this.store.page(after, limit + 1), limit, ({ name }) => name);
  }

  @Handles(getSource)
  get({ source }: Input<typeof getSource>): Promise<DiscoverySource> {
    return this.store.get(source);
  }

  @Handles(addSource)
  add(source: NewDiscoverySource): Promise<DiscoverySource> {
    return this.sources.add(source);
  }

  @Handles(updateSource)
  update({ source, changes, ifMatch }: Input<typeof updateSource>): Promise<DiscoverySource> {
    return this.sources.update(source, changes as Partial<NewDiscoverySource>, ifMatch);
  }

  @Handles(removeSource)
  async remove({ source }: Input<typeof removeSource>): Promise<Record<string, never>> {
    await this.sources.remove(source);
    return {};
  }

  @Handles(syncSource)
  sync({ source }: Input<typeof syncSource>): Promise<DiscoverySource> {
    return this.sources.sync(source);
  }

  @Handles(testSource)
  test({ source }: Input<typeof testSource>): Promise<SourceTest> {
    return this.sources.test(source);
  }
}
