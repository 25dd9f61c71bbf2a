import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Bus, ENV, LOGGER } from '@mcp-router/platform';
import { accessChanged, AppError, type Principal } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { type Repository } from 'typeorm';
import { v7 as uuid } from 'uuid';
import type { GatewayEnv } from '../config';
import type { RateLimit } from './access.schemas';
import { AgentEntity } from './agent.entity';
import { ApiKeyEntity } from './api-key.entity';
import { hashKey, makeKey, prefixOf } from './keys';
import { RateLimiter } from './rate-limiter';
import { RefusedCalls, type RefusedCall } from './refused-calls';

interface KnownKey {
  expiresAt: number;
  principal: Principal;
}

const SEEN_FLUSH_MS = 10_000;
/** Headers whose caller is remembered. */
const MAX_CALLERS = 1_000;
/** The longest time a revoked key can work when the broadcast that revokes it is lost. */
const RELOAD_MS = 15_000;

/**
 * Who may call. All keys are held in memory, so that a request costs one lookup; every change is told to all
 * replicas, which read the tables again.
 */
@Injectable()
export class AccessService implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private keys = new Map<string, KnownKey>();
  /** By `Authorization` header: who came with it since the keys were read. To hash a key costs a tenth of a call. */
  private readonly callers = new Map<string, KnownKey>();
  private anonymous: Principal | undefined;
  private readonly limiter = new RateLimiter();
  private readonly refused: RefusedCalls;
  private readonly seen = new Map<string, number>();
  private readonly stops: (() => void)[] = [];
  private loading: Promise<void> = Promise.resolve();

  constructor(
    @InjectRepository(AgentEntity) private readonly agents: Repository<AgentEntity>,
    @InjectRepository(ApiKeyEntity) private readonly apiKeys: Repository<ApiKeyEntity>,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: GatewayEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.refused = new RefusedCalls(bus);
  }

  async onModuleInit(): Promise<void> {
    await this.ensureAdmin();
    if (this.env.ANONYMOUS_ACCESS) await this.ensureAnonymous();
    await this.reload();
  }

  onApplicationBootstrap(): void {
    const reload = () =>
      void this.reload().catch((err: unknown) => this.logger.warn({ err }, 'could not read the keys again'));
    const reloading = setInterval(reload, RELOAD_MS).unref();
    const flushing = setInterval(() => void this.flushSeen(), SEEN_FLUSH_MS).unref();
    this.stops.push(
      this.bus.listen(accessChanged, reload),
      this.bus.onResume(reload),
      () => clearInterval(reloading),
      () => clearInterval(flushing),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    for (const stop of this.stops) stop();
    await this.flushSeen();
  }

  /**
   * The caller behind an `Authorization` header. No I/O.
   *
   * @returns undefined when there is none, or the key is unknown, revoked or expired, or its agent is disabled
   */
  authenticate(authorization: string | undefined): Principal | undefined {
    if (authorization === undefined) return this.anonymous;
    const known = this.callers.get(authorization) ?? this.identify(authorization);
    const now = Date.now();
    if (!known || known.expiresAt <= now) return undefined;
    this.seen.set(known.principal.agentId, now);
    return known.principal;
  }

  private identify(authorization: string): KnownKey | undefined {
    const key = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (key === undefined) return undefined;
    const known = this.keys.get(hashKey(key));
    if (!known) return undefined;
    // A valid key can be written in many ways.
    if (this.callers.size === MAX_CALLERS) this.callers.clear();
    this.callers.set(authorization, known);
    return known;
  }

  /** Counts a request of an agent. No I/O. @throws AppError `rate_limited` */
  admit(principal: Principal): void {
    try {
      this.limiter.take(principal.agentId);
    } catch (error) {
      this.refused.count(principal);
      throw error;
    }
  }

  /** Notes a call that `admit` did not let in. */
  noteRefused(principal: Principal, call: RefusedCall): void {
    this.refused.note(principal, call);
  }

  /** Tells every replica, this one first, that keys or agents changed. */
  async changed(): Promise<void> {
    await this.reload();
    await this.bus.broadcast(accessChanged, {}).catch((err: unknown) => {
      this.logger.warn({ err }, `other replicas hear of the change within ${RELOAD_MS / 1000} s`);
    });
  }

  /** Reads all keys; one read at a time, the last one started after the last change. */
  private reload(): Promise<void> {
    this.loading = this.loading.catch(() => undefined).then(() => this.load());
    return this.loading;
  }

  private async load(): Promise<void> {
    const [rows, agents] = await Promise.all([this.apiKeys.find({ relations: { agent: true } }), this.agents.find()]);
    const keys = new Map<string, KnownKey>();
    for (const { id, hash, expiresAt, agent } of rows) {
      if (agent.enabled)
        keys.set(hash, { expiresAt: expiresAt?.getTime() ?? Infinity, principal: toPrincipal(agent, id) });
    }
    this.keys = keys;
    this.callers.clear();
    this.limiter.configure(this.limitsOf(agents));
    const anonymous = this.env.ANONYMOUS_ACCESS
      ? agents.find(({ name, enabled }) => name === ANONYMOUS && enabled)
      : undefined;
    this.anonymous = anonymous && toPrincipal(anonymous);
  }

  private limitsOf(agents: readonly AgentEntity[]): Map<string, RateLimit> {
    const { RATE_LIMIT_PER_MINUTE: perMinute, RATE_LIMIT_BURST: burst = perMinute } = this.env;
    const common = perMinute > 0 ? { perMinute, burst } : null;
    return new Map(
      agents.flatMap(({ id, rateLimit }): [string, RateLimit][] => {
        const limit = rateLimit ?? common;
        return limit ? [[id, limit]] : [];
      }),
    );
  }

  /** The first start makes one admin key and shows it once; `ADMIN_KEY` sets it. */
  private async ensureAdmin(): Promise<void> {
    await this.agents.manager.transaction(async (db) => {
      // Replicas that start at once must not make two keys.
      await db.query(`SELECT pg_advisory_xact_lock(hashtext('mcp-router:admin-key'))`);
      let admin = await db.findOneBy(AgentEntity, { name: ADMIN });
      const isFirstStart = admin === null;
      admin ??= await db.save(newAgent(ADMIN, 'Made at the first start', 'admin'));
      if (!isFirstStart && this.env.ADMIN_KEY === undefined) return;
      const key = this.env.ADMIN_KEY ?? makeKey();
      if (await db.existsBy(ApiKeyEntity, { hash: hashKey(key) })) return;
      await db.save(newKey(admin.id, this.env.ADMIN_KEY === undefined ? 'first key' : 'from ADMIN_KEY', key, null));
      if (this.env.ADMIN_KEY === undefined) this.show(key);
    });
  }

  private async ensureAnonymous(): Promise<void> {
    const agent = newAgent(ANONYMOUS, 'Callers without a key (ANONYMOUS_ACCESS)', 'admin');
    await this.agents.createQueryBuilder().insert().values(agent).orIgnore().execute();
  }

  private show(key: string): void {
    if (process.send) process.send({ type: 'admin-key', key });
    else process.stdout.write(`\nThe admin key, shown only now:\n\n    ${key}\n\n`);
  }

  private async flushSeen(): Promise<void> {
    const seen = [...this.seen];
    this.seen.clear();
    for (const [id, at] of seen) {
      await this.agents
        .update({ id }, { lastSeenAt: new Date(at) })
        .catch((err: unknown) => this.logger.debug({ err }, 'last seen not stored'));
    }
  }
}

const ADMIN = 'admin';
const ANONYMOUS = 'anonymous';

export function newAgent(name: string, description: string, role: 'admin' | 'member'): AgentEntity {
  const now = new Date();
  return Object.assign(new AgentEntity(), {
    id: uuid(),
    name,
    description,
    role,
    enabled: true,
    policy: { allow: ['*'], deny: [] },
    rateLimit: null,
    lastSeenAt: null,
    createdAt: now,
    updatedAt: now,
  });
}

export function newKey(agentId: string, name: string, key: string, expiresAt: Date | null): ApiKeyEntity {
  return Object.assign(new ApiKeyEntity(), {
    id: uuid(),
    agentId,
    name,
    hash: hashKey(key),
    prefix: prefixOf(key),
    expiresAt,
    createdAt: new Date(),
  });
}

function toPrincipal({ id, name, role, policy }: AgentEntity, keyId?: string): Principal {
  return { agentId: id, agent: name, role, policy, ...(keyId === undefined ? {} : { keyId }) };
}

/** @throws AppError `forbidden` unless the caller is an administrator */
export function requireAdmin(principal: Principal | undefined): void {
  if (principal?.role !== 'admin') {
    throw new AppError('forbidden', 'Only administrators may do this', {
      hint: 'Use a key of an agent with the role "admin"',
    });
  }
}
