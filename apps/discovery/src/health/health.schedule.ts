import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, ENV, LOGGER, contextOf, readPages, runInContext } from '@mcp-router/platform';
import { AppError, SYSTEM_PRINCIPAL, catalogueChanged, listServers, serverChanged } from '@mcp-router/shared';
import type { Logger } from 'pino';
import type { DiscoveryEnv } from '../config';
import { HealthService } from './health.service';
import { HealthStore } from './health.store';

const TICK_MS = 500;
const RELOAD_MS = 30_000;
/** While the router is not there (it may start after us), it is asked this often. */
const RETRY_MS = 1_000;
const FORGET_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Keeps the list of watched servers equal to the router's and probes each when it is due, spread over the replicas. */
@Injectable()
export class HealthSchedule implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly stops: (() => void)[] = [];
  private retry: NodeJS.Timeout | undefined;
  private isClaiming = false;
  private isReloadWanted = false;
  private isReloading = false;
  private isStopped = false;

  constructor(
    private readonly bus: Bus,
    private readonly store: HealthStore,
    private readonly health: HealthService,
    @Inject(ENV) private readonly env: DiscoveryEnv,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const reload = () => this.reloadServers();
    this.stops.push(
      this.bus.listen(serverChanged, reload),
      this.bus.onResume(reload),
      // A router that has come up tells its catalogue; what a server offers has changed, so its next probe counts anew.
      this.bus.listen(catalogueChanged, ({ servers }) => {
        reload();
        void this.work(() => this.store.makeDue(servers, Date.now()));
      }),
    );
    const forget = () =>
      void this.work(() => this.store.forgetSamples(Date.now() - this.env.HEALTH_HISTORY_DAYS * DAY_MS));
    this.timers.push(
      setInterval(() => void this.tick(), TICK_MS),
      setInterval(reload, RELOAD_MS),
      setInterval(forget, FORGET_MS),
    );
    reload();
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) clearInterval(timer);
    clearTimeout(this.retry);
    for (const stop of this.stops) stop();
    await Promise.all(this.running);
  }

  /** One reload at a time; a wish during one leads to another after it, so the last state wins. */
  private reloadServers(): void {
    this.isReloadWanted = true;
    if (this.isReloading || this.isStopped) return;
    this.isReloading = true;
    void this.work(async () => {
      try {
        while (this.isReloadWanted && !this.isStopped) {
          this.isReloadWanted = false;
          await this.store.replaceServers(await this.registered(), Date.now());
        }
      } catch (error) {
        if (!this.isStopped) this.retry = setTimeout(() => this.reloadServers(), RETRY_MS);
        throw error;
      } finally {
        this.isReloading = false;
      }
      await this.tick();
    });
  }

  private async registered(): Promise<{ slug: string; id: string }[]> {
    const servers: { slug: string; id: string }[] = [];
    for await (const page of readPages(this.bus, listServers, { limit: 200 }))
      servers.push(...page.map(({ slug, id }) => ({ slug, id })));
    return servers;
  }

  private async tick(): Promise<void> {
    const free = this.env.PROBE_CONCURRENCY - this.running.size;
    if (this.isClaiming || this.isStopped || free <= 0) return;
    this.isClaiming = true;
    try {
      // The lease outlasts a probe with all its tries; a replica that dies leaves its servers to the others after it.
      const due = await this.store.claimDue(Date.now(), 4 * this.env.PROBE_TIMEOUT_MS + 5000, free);
      for (const server of due) void this.work(() => this.health.check(server));
    } catch (error) {
      this.log.warn({ err: error }, 'due probes cannot be read');
    } finally {
      this.isClaiming = false;
    }
  }

  /** Runs work of the schedule in a context of its own; what fails is tried again when it is next due. */
  private async work(task: () => Promise<void>): Promise<void> {
    const run = runInContext(contextOf({ principal: SYSTEM_PRINCIPAL, caller: this.bus.instanceId }), task).catch(
      (error: unknown) => {
        // That no router is there (yet) is its own affair; everything else should be looked into.
        const level = AppError.from(error).code === 'no_instance' ? 'debug' : 'warn';
        this.log[level]({ err: error }, 'health work failed');
      },
    );
    this.running.add(run);
    await run;
    this.running.delete(run);
  }
}
