import { Injectable } from '@nestjs/common';
import { Bus, readPages } from '@mcp-router/platform';
import { isToolAllowed, listServers, listTools, type Principal, type Server } from '@mcp-router/shared';

const PAGE = 200;

/** The servers that a caller may know of: those with a tool that its policy allows. */
@Injectable()
export class VisibleServers {
  constructor(private readonly bus: Bus) {}

  async of(caller: Principal): Promise<Server[]> {
    const servers: Server[] = [];
    for await (const page of readPages(this.bus, listServers, { limit: PAGE }))
      servers.push(...page.filter(({ enabled, source }) => enabled && source !== 'builtin'));
    if (caller.policy.allow.includes('*') && caller.policy.deny.length === 0) return servers;
    const allowed = await this.serversOfTools(caller);
    return servers.filter(({ slug }) => allowed.has(slug));
  }

  private async serversOfTools({ policy }: Principal): Promise<Set<string>> {
    const allowed = new Set<string>();
    for await (const page of readPages(this.bus, listTools, { limit: PAGE }))
      for (const { name, server } of page) if (isToolAllowed(policy, name)) allowed.add(server);
    return allowed;
  }
}
