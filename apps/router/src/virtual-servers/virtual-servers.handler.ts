import { Controller } from '@nestjs/common';
import { Handles } from '@mcp-router/platform';
import {
  addVirtualServer,
  startAfter,
  getVirtualServer,
  listVirtualServers,
  removeVirtualServer,
  toPage,
  updateVirtualServer,
  type Page,
  type VirtualServer,
} from '@mcp-router/shared';
import type { z } from 'zod';
import { Catalogue } from '../catalogue/catalogue';
import { VirtualServers, type VirtualServerRow } from './virtual-servers.service';
import { virtualView } from './virtual-view';

type Input<C extends { input: z.ZodType }> = z.output<C['input']>;

@Controller()
export class VirtualServersHandler {
  constructor(
    private readonly virtualServers: VirtualServers,
    private readonly catalogue: Catalogue,
  ) {}

  @Handles(listVirtualServers)
  async list({ cursor, limit }: Input<typeof listVirtualServers>): Promise<Page<VirtualServer>> {
    const after = startAfter(cursor);
    const rows = (await this.virtualServers.list()).filter(({ slug }) => slug > after);
    const views = rows.slice(0, limit + 1).map((row) => this.show(row));
    return toPage(views, limit, ({ slug }) => slug);
  }

  @Handles(getVirtualServer)
  async get({ virtualServer }: Input<typeof getVirtualServer>): Promise<VirtualServer> {
    return this.show(await this.virtualServers.get(virtualServer));
  }

  @Handles(addVirtualServer)
  async add(server: Input<typeof addVirtualServer>): Promise<VirtualServer> {
    return this.show(await this.virtualServers.add(server));
  }

  @Handles(updateVirtualServer)
  async update({ virtualServer, changes, ifMatch }: Input<typeof updateVirtualServer>): Promise<VirtualServer> {
    return this.show(await this.virtualServers.update(virtualServer, changes, ifMatch));
  }

  @Handles(removeVirtualServer)
  async remove({ virtualServer }: Input<typeof removeVirtualServer>): Promise<Record<string, never>> {
    await this.virtualServers.remove(virtualServer);
    return {};
  }

  private show({ id, slug, description, members, version, ...times }: VirtualServerRow): VirtualServer {
    const { tools, clashes } = virtualView(this.catalogue, members);
    return {
      id,
      slug,
      ...(description !== null && { description }),
      servers: members,
      tools: [...tools.keys()],
      clashes: [...clashes],
      version: String(version),
      createdAt: times.created_at.toISOString(),
      updatedAt: times.updated_at.toISOString(),
    };
  }
}
