import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Bus, recordEvent, refuseTaken } from '@mcp-router/platform';
import { AppError, decodeCursor, toPage, UUID_KEY, type Page, type PageQuery } from '@mcp-router/shared';
import { LessThan, type Repository } from 'typeorm';
import { AccessService, newAgent, newKey } from './access.service';
import type { Agent, AgentChanges, ApiKey, CreatedApiKey, NewAgent, NewApiKey } from './access.schemas';
import { AgentEntity } from './agent.entity';
import { ApiKeyEntity } from './api-key.entity';
import { makeKey } from './keys';

/** Agents and their keys, as administrators manage them. */
@Injectable()
export class AgentsService {
  constructor(
    @InjectRepository(AgentEntity) private readonly agents: Repository<AgentEntity>,
    @InjectRepository(ApiKeyEntity) private readonly keys: Repository<ApiKeyEntity>,
    private readonly access: AccessService,
    private readonly bus: Bus,
  ) {}

  /** Newest first. */
  async list({ cursor, limit }: PageQuery): Promise<Page<Agent>> {
    const rows = await this.agents.find({ ...after(cursor), order: { id: 'DESC' }, take: limit + 1 });
    return toPage(rows.map(toAgent), limit, ({ id }) => id);
  }

  async get(ref: string): Promise<Agent> {
    return toAgent(await this.find(ref));
  }

  async create({ name, description, role, ...rest }: NewAgent): Promise<Agent> {
    const agent = Object.assign(newAgent(name, description, role), rest);
    await this.agents.insert(agent).catch(refuseTaken(taken(name)));
    recordEvent(this.bus, 'agent.added', { subject: name, data: { role, enabled: agent.enabled } });
    return toAgent(agent);
  }

  async update(ref: string, changes: AgentChanges): Promise<Agent> {
    const agent = await this.find(ref);
    if (agent.role === 'admin' && (changes.role === 'member' || changes.enabled === false))
      await this.keepOneAdmin(agent.id);
    Object.assign(agent, changes, { updatedAt: new Date() });
    await this.agents.save(agent).catch(refuseTaken(taken(agent.name)));
    await this.access.changed();
    recordEvent(this.bus, 'agent.changed', { subject: agent.name, data: { ...changes } });
    return toAgent(agent);
  }

  async remove(ref: string): Promise<void> {
    const agent = await this.find(ref);
    if (agent.role === 'admin') await this.keepOneAdmin(agent.id);
    await this.agents.delete({ id: agent.id });
    await this.access.changed();
    recordEvent(this.bus, 'agent.removed', { subject: agent.name });
  }

  /** Newest first; the keys themselves are not known any more. */
  async listKeys({ cursor, limit }: PageQuery): Promise<Page<ApiKey>> {
    const rows = await this.keys.find({
      ...after(cursor),
      relations: { agent: true },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    return toPage(rows.map(toApiKey), limit, ({ id }) => id);
  }

  async createKey({ agent: ref, name, expiresAt }: NewApiKey): Promise<CreatedApiKey> {
    const agent = await this.find(ref);
    const key = makeKey();
    const row = newKey(agent.id, name, key, expiresAt === undefined ? null : new Date(expiresAt));
    await this.keys.insert(row);
    await this.access.changed();
    recordEvent(this.bus, 'key.added', { subject: agent.name, data: { id: row.id, name } });
    return { ...toApiKey(Object.assign(row, { agent })), key };
  }

  async revokeKey(id: string): Promise<void> {
    const { affected } = UUID_KEY.test(id) ? await this.keys.delete({ id }) : { affected: 0 };
    if (!affected) throw new AppError('not_found', `No key has the id "${id}"`);
    await this.access.changed();
    recordEvent(this.bus, 'key.revoked', { data: { id } });
  }

  private async find(ref: string): Promise<AgentEntity> {
    const agent = await this.agents.findOneBy(UUID_KEY.test(ref) ? { id: ref } : { name: ref });
    if (!agent)
      throw new AppError('not_found', `No agent is called "${ref}"`, { hint: 'GET /api/v1/agents lists them' });
    return agent;
  }

  private async keepOneAdmin(leaving: string): Promise<void> {
    const others = await this.agents.findBy({ role: 'admin', enabled: true });
    if (!others.some(({ id }) => id !== leaving)) throw new AppError('conflict', 'The last administrator must stay');
  }
}

function after(cursor: string | undefined): { where?: { id: ReturnType<typeof LessThan<string>> } } {
  if (cursor === undefined) return {};
  return { where: { id: LessThan(decodeCursor(cursor, UUID_KEY)) } };
}

const taken = (name: string) => `An agent named "${name}" exists`;

const toAgent = (row: AgentEntity): Agent => ({
  id: row.id,
  name: row.name,
  description: row.description,
  role: row.role,
  enabled: row.enabled,
  policy: row.policy,
  rateLimit: row.rateLimit,
  lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

const toApiKey = (row: ApiKeyEntity): ApiKey => ({
  id: row.id,
  agentId: row.agentId,
  agent: row.agent.name,
  name: row.name,
  prefix: row.prefix,
  expiresAt: row.expiresAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
});
