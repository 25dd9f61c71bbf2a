import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { LOGGER } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { DataSource, type EntityManager } from 'typeorm';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import type { EventStrategy, Workflow } from '../definition/workflow';
import { correlationOf, filtersOf, matches, matchesAny, type FilterScope } from '../engine/event-match';
import { ExpressionDesk } from '../engine/expression-desk';
import { RUNTIME } from '../engine/interpreter';
import { RunEngine } from '../engine/run-engine';
import { RunStore } from '../engine/run-store';
import { Expressions } from '../expressions/evaluate';
import { Performer } from '../functions/performer';
import { VersionStore } from '../version-store';
import { ScheduleStore, type ScheduleRow } from './schedule-store';

/** Events that wait for others of their kind, at most, for one workflow. */
const MAX_GATHERED = 1_000;

/**
 * Where CloudEvents arrive, those that runs emit and those from outside: told to the runs that listen and to the
 * workflows that start on them, in one transaction. An event (its source and id) counts once, however often it is sent.
 */
@Injectable()
export class EventBoard implements BeforeApplicationShutdown {
  private readonly expressions = new Expressions();

  constructor(
    private readonly database: DataSource,
    private readonly schedules: ScheduleStore,
    private readonly versions: VersionStore,
    private readonly runs: RunStore,
    private readonly engine: RunEngine,
    performer: Performer,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    performer.publish = async (event) => {
      await this.publish(event);
    };
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.expressions.close();
  }

  /** @returns whether it is new, and how many runs it started */
  async publish(event: JsonObject): Promise<{ isNew: boolean; started: string[] }> {
    const { isNew, told, started } = await this.database.transaction(async (db) => {
      if (!(await this.runs.note(db, textOf(event['source']), textOf(event['id']))))
        return { isNew: false, told: [], started: [] };
      const listening = await this.runs.publish(db, event);
      return { isNew: true, told: listening, started: await this.startOn(db, event) };
    });
    const failed = (error: unknown) => this.logger.error({ err: error }, 'events of workflows');
    for (const runId of new Set(told)) void this.engine.announce(runId).catch(failed);
    for (const runId of started) void this.engine.wake(runId).catch(failed);
    return { isNew, started };
  }

  private async startOn(db: EntityManager, event: JsonObject): Promise<string[]> {
    const started: string[] = [];
    for (const row of await this.schedules.onEvents(db)) {
      const workflow = await this.versions.workflow(row.version_id, db);
      if (workflow.schedule?.kind !== 'on') continue;
      const scope = this.scopeOf(workflow);
      const strategy = workflow.schedule.on;
      try {
        const input = await this.inputFrom(db, row, strategy, event, scope);
        if (!input) continue;
        const { namespace, name, version } = workflow.document;
        const run = await this.runs.enqueue(db, {
          versionId: row.version_id,
          namespace,
          name,
          version,
          principal: row.principal,
          input,
          idempotencyKey: `event ${row.version_id} ${textOf(event['source'])} ${textOf(event['id'])}`.slice(0, 1_000),
        });
        if (run !== undefined) started.push(run);
      } catch (error) {
        // As the standard has it: faults of scheduling do not touch anything else.
        this.logger.warn({ workflow: `${row.namespace}/${row.name}`, reason: AppError.from(error).detail }, 'schedule');
      }
    }
    return started;
  }

  /** The events that start a run, now that this one came; undefined when others are to come, or it does not concern it. */
  private async inputFrom(
    db: EntityManager,
    row: ScheduleRow,
    strategy: EventStrategy,
    event: JsonObject,
    scope: FilterScope,
  ): Promise<Json[] | undefined> {
    if (strategy.kind === 'all') return this.gatherAll(db, row, strategy, event, scope);
    if (strategy.kind === 'any' && strategy.until !== undefined)
      return this.gatherUntil(db, row, strategy, event, scope);
    return (await matchesAny(filtersOf(strategy), event, scope)) ? [event] : undefined;
  }

  private async gatherAll(
    db: EntityManager,
    row: ScheduleRow,
    { all }: EventStrategy & { kind: 'all' },
    event: JsonObject,
    scope: FilterScope,
  ): Promise<Json[] | undefined> {
    const fits: { index: number; group: string }[] = [];
    for (const [index, filter] of all.entries())
      if (await matches(filter, event, scope)) fits.push({ index, group: await correlationOf(filter, event, scope) });
    if (fits.length === 0) return undefined;
    const gathered = new Map(Object.entries((await this.schedules.lock(db, row))?.gathered ?? {}));
    const keep = () => this.schedules.gather(db, row, Object.fromEntries(gathered));
    for (const { index, group } of fits) {
      const known = gathered.get(group);
      const events = isObject(known) ? known : {};
      if (events[String(index)] !== undefined) continue;
      const complete: JsonObject = { ...events, [index]: event };
      if (Object.keys(complete).length === all.length) {
        gathered.delete(group);
        await keep();
        return all.map((_, place) => complete[String(place)] ?? null);
      }
      gathered.set(group, complete);
      const [oldest] = gathered.keys();
      if (gathered.size > MAX_GATHERED && oldest !== undefined) gathered.delete(oldest);
      await keep();
      return undefined;
    }
    return undefined;
  }

  private async gatherUntil(
    db: EntityManager,
    row: ScheduleRow,
    { any, until }: EventStrategy & { kind: 'any' },
    event: JsonObject,
    scope: FilterScope,
  ): Promise<Json[] | undefined> {
    const isLast = typeof until === 'object' && (await matchesAny(filtersOf(until), event, scope));
    if (!isLast && !(await matchesAny(any, event, scope))) return undefined;
    const before = (await this.schedules.lock(db, row))?.gathered?.['events'];
    const events = [...(Array.isArray(before) ? before : []), event];
    const value = typeof until === 'string' ? await scope.evaluate(until, event['data'] ?? null) : isLast;
    const isComplete = value !== false && value !== null;
    if (!isComplete && events.length > MAX_GATHERED) events.shift();
    await this.schedules.gather(db, row, isComplete ? null : { events });
    return isComplete ? events : undefined;
  }

  /** Outside a run there are only the definition and the runtime. */
  private scopeOf(workflow: Workflow): FilterScope {
    const desk = new ExpressionDesk(workflow, this.expressions);
    const scope = { runtime: RUNTIME, workflow: { definition: workflow.source } };
    return {
      evaluate: (text, data) => desk.evaluate(text, scope, data, Date.now()),
      resolve: (value) => desk.resolve(value, scope, null, Date.now()),
    };
  }
}
