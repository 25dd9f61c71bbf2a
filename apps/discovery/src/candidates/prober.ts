import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV, LOGGER, Outbound, contextOf, runInContext } from '@mcp-router/platform';
import { AppError, type DiscoveryEvent, SYSTEM_PRINCIPAL, discoveryChanged } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { v7 as uuid } from 'uuid';
import type { DiscoveryEnv } from '../config';
import { HEALTH_RULES, type Health, type HealthRules, observe } from '../health/health';
import { type ProbeResult, probe } from '../probe/probe';
import { ProbeFailure } from '../probe/probe-failure';
import { ApprovalService } from './approval.service';
import { CandidatesStore, type ProbeTask } from './candidates.store';

const TICK_MS = 250;
const TRIES = 3;
const PAUSE_BETWEEN_TRIES_MS = 250;
/** Lists are read again after this long. */
const CATALOGUE_MS = 600_000;
/** An answer that took longer makes a server degraded. */
const SLOW_MS = 5000;

/** Probes candidates that have an address, each when it is due, spread over the replicas. */
@Injectable()
export class Prober implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly rules: HealthRules;
  private readonly running = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private isClaiming = false;
  /** The last claim took as many as it could: there may be more that are due. */
  private mayBeMore = false;
  private isStopped = false;

  constructor(
    private readonly store: CandidatesStore,
    private readonly approvals: ApprovalService,
    private readonly outbound: Outbound,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: DiscoveryEnv,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.rules = { ...HEALTH_RULES, intervalMs: env.PROBE_INTERVAL_SECONDS * 1000 };
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.tick(), TICK_MS);
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await Promise.all(this.running);
  }

  /** Probes a candidate now, lists and all. @throws AppError `conflict` for one that has no address */
  async probeNow(id: string): Promise<void> {
    const task = await this.store.probeTask(id);
    if (!task) throw new AppError('conflict', 'Only a server with an address can be probed');
    await this.check({ ...task, catalogueAt: undefined }, 1);
  }

  private async tick(): Promise<void> {
    const free = this.env.PROBE_CONCURRENCY - this.running.size;
    if (this.isClaiming || this.isStopped || free <= 0) return;
    this.isClaiming = true;
    try {
      const due = await this.store.claimDue(Date.now(), 4 * this.env.PROBE_TIMEOUT_MS + 5000, free);
      this.mayBeMore = due.length === free;
      for (const task of due) this.start(task);
    } catch (error) {
      this.log.warn({ err: error }, 'due probes cannot be read');
    } finally {
      this.isClaiming = false;
    }
  }

  private start(task: ProbeTask): void {
    const context = contextOf({ principal: SYSTEM_PRINCIPAL, caller: this.bus.instanceId });
    const run = runInContext(context, () => this.check(task, task.isUp ? TRIES : 1))
      .catch((error: unknown) => this.log.warn({ err: error }, 'a probe could not be entered'))
      .finally(() => {
        this.running.delete(run);
        // Half of them at a time: one claim for each would cost more than the probe.
        if (this.mayBeMore && this.running.size <= this.env.PROBE_CONCURRENCY / 2) void this.tick();
      });
    this.running.add(run);
  }

  private async check(task: ProbeTask, tries: number): Promise<void> {
    const outcome = await this.probe(task, tries);
    const at = Date.now();
    const ok = 'result' in outcome;
    const isSlow = 'result' in outcome && outcome.result.latencyMs > SLOW_MS;
    const change = (health: Health) => observe(health, { at, ok, isSlow, via: 'probe' }, this.rules, Math.random());
    const entered = await this.store.enterProbe(task.id, at, outcome, change);
    if (!entered) return;
    const { before, after, catalogueChanged, decision, name } = entered;
    if (before.state !== after.state)
      this.tell({ type: 'healthChanged', candidateId: task.id, name, from: before.state, to: after.state });
    if (catalogueChanged) this.tell({ type: 'catalogueChanged', candidateId: task.id, name });
    if (decision === 'pending' && after.state === 'healthy')
      await this.approvals
        .approveByPolicy(task.id, true)
        .catch((error: unknown) => this.log.warn({ err: error, candidate: task.id }, 'it could not be registered'));
  }

  private async probe(
    { url, kind, era, catalogueAt }: ProbeTask,
    tries: number,
  ): Promise<{ result: ProbeResult } | { error: { code: string; detail: string } }> {
    const isOld = catalogueAt === undefined || Date.now() - catalogueAt > CATALOGUE_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        const depth = isOld ? 'full' : 'health';
        const { outbound } = this;
        return {
          result: await probe(url, kind, { outbound, depth, knownEra: era, timeoutMs: this.env.PROBE_TIMEOUT_MS }),
        };
      } catch (error) {
        const failure = ProbeFailure.of(error);
        if (attempt >= tries || !failure.isTransient || this.isStopped) return { error: failure.toProbeError() };
        await new Promise((resolve) => setTimeout(resolve, PAUSE_BETWEEN_TRIES_MS));
      }
    }
  }

  private tell(event: Omit<DiscoveryEvent, 'id' | 'at'>): void {
    this.bus.record(discoveryChanged, { id: uuid(), at: new Date().toISOString(), ...event });
  }
}
