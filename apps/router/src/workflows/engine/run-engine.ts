import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Bus, ENV, LOGGER, isStopping, msToStop } from '@mcp-router/platform';
import { workflowSignalled } from '@mcp-router/shared';
import type { Logger } from 'pino';
import type { RouterEnv } from '../../config';
import { SecretStore } from '../../secrets/secret-store';
import type { JsonObject } from '../definition/json';
import { Expressions } from '../expressions/evaluate';
import { Performer } from '../functions/performer';
import { runLimits } from '../limits';
import { VersionStore } from '../version-store';
import { Committer, Fenced } from './committer';
import { WorkflowFault } from './fault';
import type { RunLimits } from './host';
import { LiveRun } from './live-run';
import { measureEffect, measureLiveRuns, measureRun } from './run-metrics';
import { inTraceOf, traceEvents } from './run-trace';
import { recordRun } from './run-events';
import { NO_HISTORY, RunStore, type NewRun, type RunHistory, type RunRow } from './run-store';
import type { Signal } from './signal';
import { Waker } from './waker';

const RENEWALS_PER_LEASE = 4;
const DRAIN_LOOK_MS = 25;
const TAKEN_AT_ONCE = 100;
const PARTITION_CHECK_MS = 3_600_000;
/** An event that comes twice within this time counts once. */
const EVENTS_KNOWN_MS = 7 * 86_400_000;

/**
 * Owns runs: takes those that are due, keeps its leases, and lets go of those that wait. Everything it knows is in
 * Postgres; the queue only tells it sooner.
 */
@Injectable()
export class RunEngine implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly live = new Map<string, LiveRun>();
  /** Runs that were told something while they were about to leave. */
  private readonly recalled = new Set<string>();
  private readonly expressions = new Expressions();
  private readonly timers: NodeJS.Timeout[] = [];
  private stopListening: (() => void) | undefined;
  private isStopping = false;
  private isSweeping = false;
  private readonly limits: RunLimits;

  constructor(
    private readonly store: RunStore,
    private readonly committer: Committer,
    private readonly versions: VersionStore,
    private readonly performer: Performer,
    private readonly secrets: SecretStore,
    private readonly waker: Waker,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.limits = runLimits(env);
  }

  get owner(): string {
    return this.bus.instanceId;
  }

  async onApplicationBootstrap(): Promise<void> {
    const every = (ms: number, work: () => Promise<void>) =>
      this.timers.push(setInterval(() => void work().catch(this.logFailure), ms));
    measureLiveRuns(() => this.live.size);
    await this.store.preparePartitions();
    this.stopListening = this.bus.listen(workflowSignalled, ({ run }) => void this.told(run).catch(this.logFailure));
    this.waker.start((runId) => this.wake(runId));
    this.performer.startChild = (run) => this.startChild(run);
    this.performer.findChild = ({ run, path }) => this.store.child(run, path);
    every(this.env.WORKFLOW_LEASE_MS / RENEWALS_PER_LEASE, () => this.renew());
    every(this.env.WORKFLOW_SWEEP_MS, () => this.sweep());
    every(PARTITION_CHECK_MS, () =>
      this.store.preparePartitions().then(async () => {
        await this.retain();
      }),
    );
    void this.sweep().catch(this.logFailure);
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const run of this.live.values()) run.drain();
    while (this.live.size > 0 && msToStop() > 0) await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
    this.isStopping = true;
    this.stopListening?.();
    for (const timer of this.timers) clearInterval(timer);
    await this.waker.close();
    for (const run of this.live.values()) run.abandon();
    await this.expressions.close();
  }

  /** Stores a run and begins with it here; with a key that was used before, gives that run. */
  async start(run: NewRun): Promise<{ row: RunRow; isNew: boolean; hash: string | null }> {
    const started = await this.store.insert(run, this.owner, this.env.WORKFLOW_LEASE_MS);
    if (started.isNew) await this.open(started.row, true);
    return started;
  }

  /** @throws WorkflowFault `runtime` when it would be one too many inside one another: a workflow may run itself */
  private async startChild(run: NewRun): Promise<RunRow> {
    const most = this.env.WORKFLOW_MAX_DEPTH;
    if (run.parent && (await this.store.depth(run.parent.run, most)) >= most)
      throw WorkflowFault.of('runtime', `More than ${most} runs inside one another`);
    return (await this.start(run)).row;
  }

  /** Takes a run that is due, unless somebody has it. */
  async wake(runId: string): Promise<void> {
    if (this.isStopping || isStopping() || this.live.has(runId)) return;
    const row = await this.store.acquire(runId, this.owner, this.env.WORKFLOW_LEASE_MS);
    if (row) await this.open(row, false);
  }

  /** Tells a run something, wherever it is. */
  async tell(runId: string, signal: Signal): Promise<void> {
    await this.store.signal(runId, signal);
    await this.announce(runId);
  }

  async announce(runId: string): Promise<void> {
    if (this.live.has(runId)) return this.told(runId);
    await this.wake(runId);
    if (!this.live.has(runId)) await this.bus.broadcast(workflowSignalled, { run: runId }).catch(() => undefined);
  }

  /** Removes what is older than it is kept. */
  async retain(now = new Date()): Promise<string[]> {
    await this.store.forgetEventsBefore(new Date(now.getTime() - EVENTS_KNOWN_MS));
    const months = this.env.WORKFLOW_RETENTION_MONTHS;
    if (months === 0) return [];
    return this.store.dropMonthsBefore(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1)));
  }

  private async cancelChildren(runId: string): Promise<void> {
    for (const child of await this.store.cancelChildren(runId)) void this.announce(child).catch(this.logFailure);
  }

  private async told(runId: string): Promise<void> {
    const run = this.live.get(runId);
    if (!run) return;
    this.recalled.add(runId);
    run.take(await this.store.signals(runId));
  }

  private async open(row: RunRow, isNew: boolean, known?: RunHistory): Promise<void> {
    if (this.live.has(row.id)) return;
    const definition = await this.versions.workflow(row.version_id);
    const secrets = (await this.secrets.values(definition.use.secrets)) as JsonObject;
    const { events, signals } = isNew ? NO_HISTORY : (known ?? (await this.store.histories([row.id])).of(row.id));
    if (this.live.has(row.id)) return;
    const run = new LiveRun(
      row,
      { workflow: definition, expressions: this.expressions, limits: this.limits, secrets },
      events,
      {
        commit: async (batch) => {
          await this.committer.add(batch);
          measureRun(row, batch.events);
          recordRun(this.bus, row, batch);
          traceEvents(row, batch.events);
        },
        isRepeatable: (effect, { principal }) => this.performer.isRepeatable(effect, principal),
        perform: (effect, context) =>
          measureEffect(row, effect, () => inTraceOf(row, effect, () => this.performer.perform(effect, context, row))),
        now: Date.now,
        // Whoever stores a run for others to begin may have been right about it then.
        ...(isNew ? {} : { admit: (signal) => this.performer.admit(row, row.principal, signal) }),
        isDraining: isStopping,
        cancelChildren: (parent) => this.cancelChildren(parent.id),
        onLeft: (left, why, error) => this.left(left, why, error),
      },
    );
    this.live.set(row.id, run);
    run.start(signals);
  }

  private left(run: LiveRun, why: 'ended' | 'parked' | 'fenced' | 'failed', error?: unknown): void {
    if (this.live.get(run.id) === run) this.live.delete(run.id);
    if (why === 'failed' && error && !(error instanceof Fenced))
      this.logger.error({ err: error, run: run.id }, 'the history of a run cannot be written');
    if (this.isStopping) return;
    const wasRecalled = this.recalled.delete(run.id);
    if (why === 'parked') {
      const { due } = run;
      if (due !== undefined) this.waker.at(run.id, due);
      if (wasRecalled) void this.wake(run.id).catch(this.logFailure);
    }
    const { parent_run: parent } = run.row;
    if (why === 'ended' && parent !== null) void this.announce(parent).catch(this.logFailure);
    for (const listener of this.endListeners) if (why === 'ended') listener(run.id);
  }

  /** Hears of each run that ends in this process. @returns the way to stop it */
  onEnded(listener: (runId: string) => void): () => void {
    this.endListeners.add(listener);
    return () => this.endListeners.delete(listener);
  }

  private readonly endListeners = new Set<(runId: string) => void>();

  private async renew(): Promise<void> {
    const runs = [...this.live.values()];
    if (runs.length === 0) return;
    const kept = await this.store.renew(
      runs.map(({ row }) => row),
      this.env.WORKFLOW_LEASE_MS,
    );
    for (const run of runs) if (!kept.has(run.id) && this.live.get(run.id) === run) run.abandon();
    for (const runId of await this.store.signalled(this.owner)) await this.told(runId);
  }

  /** Makes every wake-up anew from the table: what the queue lost, and what a process that is gone left behind. */
  private async sweep(): Promise<void> {
    if (this.isSweeping || this.isStopping || isStopping()) return;
    this.isSweeping = true;
    try {
      for (;;) {
        const rows = await this.store.acquireDue(TAKEN_AT_ONCE, this.owner, this.env.WORKFLOW_LEASE_MS);
        const histories = await this.store.histories(rows.map(({ id }) => id));
        await Promise.all(rows.map((row) => this.open(row, false, histories.of(row.id)).catch(this.logFailure)));
        if (rows.length < TAKEN_AT_ONCE) return;
      }
    } finally {
      this.isSweeping = false;
    }
  }

  private readonly logFailure = (error: unknown): void => {
    if (!this.isStopping) this.logger.error({ err: error }, 'workflow runs');
  };
}
