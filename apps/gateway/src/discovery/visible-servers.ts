import { Injectable } from '@nestjs/common';
import { Bus } from '@mcp-router/platform';
import { isToolAllowed, listServers, listTools, type Principal, type Server } from '@mcp-router/shared';

const PAGE = 200;

/** The servers that a caller may know of: those with a tool that its policy allows. */
@Injectable()
export class VisibleServers {
  constructor(private readonly bus: Bus) {}

  async of(caller: Principal): Promise<Server[]> {
    const servers: Server[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.bus.call(listServers, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      servers.push(...page.items.filter(({ enabled, source }) => enabled && source !== 'builtin'));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    if (caller.policy.allow.includes('*') && caller.policy.deny.length === 0) return servers;
    const allowed = await this.serversOfTools(caller);
    return servers.filter(({ slug }) => allowed.has(slug));
  }

  private async serversOfTools({ policy }: Principal): Promise<Set<string>> {
    const allowed = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.bus.call(listTools, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      for (const { name, server } of page.items) if (isToolAllowed(policy, name)) allowed.add(server);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return allowed;
  }
}
