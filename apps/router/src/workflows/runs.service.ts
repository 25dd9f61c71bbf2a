import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { ENV } from '@mcp-router/platform';
import {
  AppError,
  decodeCursor,
  UUID_KEY,
  toPage,
  type Page,
  type Principal,
  type Run,
  type RunDetail,
  type RunEvent as RunEventView,
} from '@mcp-router/shared';
import type { RouterEnv } from '../config';
import type { Json } from './definition/json';
import { forkedHistory } from './engine/forked-history';
import { RunEngine } from './engine/run-engine';
import { RunStore, type RunRow } from './engine/run-store';
import { toDetail, toEventView, toRun } from './run-view';
import { WorkflowsService } from './workflows.service';

const POLL_MS = 100;

export interface StartRequest {
  namespace: string;
  name: string;
  version: string;
  input?: unknown;
  idempotencyKey?: string | undefined;
  waitMs: number;
}

export interface ForkRequest {
  task?: string | undefined;
  input?: unknown;
  idempotencyKey?: string | undefined;
}

/** Runs, as callers see and steer them. Members see their own. */
@Injectable()
export class RunsService {
  constructor(
    private readonly workflows: WorkflowsService,
    private readonly engine: RunEngine,
    private readonly store: RunStore,
    @Inject(ENV) private readonly env: RouterEnv,
  ) {}

  async start(request: StartRequest, principal: Principal, signal: AbortSignal): Promise<Run & { isNew: boolean }> {
    const { namespace, name, version, idempotencyKey } = request;
    const input = (request.input ?? {}) as Json;
    const requestHash = hashOf([namespace, name, version, input]);
    const key = idempotencyKey === undefined ? {} : { idempotencyKey, requestHash };
    const { row, isNew, hash } = await this.orKnown(principal, idempotencyKey, async () => {
      const admission = await this.workflows.admit(request, principal);
      this.requireSize(input);
      return this.engine.start({ ...admission, input, ...key });
    });
    if (!isNew && hash !== requestHash) throw usedKey();
    const ended = request.waitMs > 0 ? await this.untilEnded(row, request.waitMs, signal) : row;
    return { ...toRun(ended), isNew };
  }

  /** What was started with a key stays started, also when nothing more can be started so. */
  private async orKnown(
    { agentId }: Principal,
    idempotencyKey: string | undefined,
    start: () => Promise<{ row: RunRow; isNew: boolean; hash: string | null }>,
  ): Promise<{ row: RunRow; isNew: boolean; hash: string | null }> {
    try {
      return await start();
    } catch (refusal) {
      const known = idempotencyKey === undefined ? undefined : await this.store.withKey(agentId, idempotencyKey);
      if (!known) throw refusal;
      return { row: known, isNew: false, hash: known.request_hash };
    }
  }

  private requireSize(input: Json): void {
    const most = this.env.WORKFLOW_MAX_PAYLOAD_BYTES;
    if (Buffer.byteLength(JSON.stringify(input)) > most)
      throw new AppError('payload_too_large', `The input of a run has at most ${most} bytes`);
  }

  /** @throws AppError `not_found`, also for a run that the principal may not see */
  async get(id: string, principal: Principal): Promise<RunRow> {
    const row = await this.store.find(id);
    if (!row || (principal.role !== 'admin' && row.principal.agentId !== principal.agentId))
      throw new AppError('not_found', `There is no run ${id}`);
    return row;
  }

  async detail(id: string, principal: Principal): Promise<RunDetail> {
    const row = await this.get(id, principal);
    return toDetail(row, await this.store.events(id));
  }

  async control(id: string, action: 'cancel' | 'suspend' | 'resume' | 'retry', principal: Principal): Promise<Run> {
    const row = await this.get(id, principal);
    if (action === 'retry') {
      if (row.state !== 'faulted')
        throw new AppError('conflict', `The run is ${row.state}; only a faulted one is retried`);
      // One that was refused before it did anything is checked like a new one.
      if ((await this.store.events(id, 0, 3)).length < 3) await this.workflows.admit(row, row.principal);
      if (!(await this.store.reopen(id))) throw new AppError('conflict', 'The run goes on already');
      await this.engine.wake(id);
    } else {
      if (row.ended_at) throw new AppError('conflict', `The run is ${row.state} already`);
      await this.engine.tell(id, { kind: action });
    }
    return toRun(await this.get(id, principal));
  }

  /**
   * Another run of the same version, that has the history of this one up to a task and goes on there.
   *
   * @param task path or pointer of the task; without one the new run begins at the beginning
   * @throws AppError `conflict` when the run never came to the task
   */
  async fork(
    id: string,
    { task, input, idempotencyKey }: ForkRequest,
    principal: Principal,
  ): Promise<Run & { isNew: boolean }> {
    const row = await this.get(id, principal);
    const changed = input as Json | undefined;
    if (changed !== undefined) this.requireSize(changed);
    const change = { from: id, ...(changed === undefined ? {} : { input: changed }) };
    const events = task === undefined ? [] : forkedHistory(await this.store.events(id), task, change, Date.now());
    if (!events)
      throw new AppError('conflict', `The run never came to ${task?.slice(0, 200) ?? ''}`, {
        hint: `GET /api/v1/runs/${id} lists its tasks with their paths`,
      });
    const requestHash = hashOf(['fork', id, task, input]);
    const key = idempotencyKey === undefined ? {} : { idempotencyKey, requestHash };
    const started = await this.orKnown(principal, idempotencyKey, async () => {
      const admission = await this.workflows.admit(row, principal);
      const begins = task === undefined && changed !== undefined ? changed : row.input;
      const forked = await this.store.fork({ ...admission, input: begins, ...key }, events);
      if (forked === undefined) throw usedKey();
      await this.engine.wake(forked);
      return { row: await this.get(forked, principal), isNew: true, hash: requestHash };
    });
    if (started.hash !== requestHash) throw usedKey();
    return { ...toRun(started.row), isNew: started.isNew };
  }

  async decide(
    id: string,
    { path, action, output }: { path?: string | undefined; action: 'retry' | 'complete' | 'fail'; output?: unknown },
    principal: Principal,
  ): Promise<Run> {
    const row = await this.get(id, principal);
    const open = toDetail(row, await this.store.events(id)).uncertain;
    const chosen = path === undefined && open.length === 1 ? open[0] : open.find((effect) => effect.path === path);
    if (row.state !== 'needs_attention' || !chosen)
      throw new AppError('conflict', 'There is nothing to decide there', {
        ...(open.length > 0 ? { hint: `Open are: ${open.map((effect) => effect.path).join(', ')}` } : {}),
      });
    const resolution = action === 'complete' ? { action, output: (output ?? null) as Json } : { action };
    await this.engine.tell(id, { kind: 'resolve', path: chosen.path, resolution });
    return toRun(await this.get(id, principal));
  }

  async events(
    id: string,
    { after, limit, waitMs }: { after: number; limit: number; waitMs: number },
    principal: Principal,
    signal: AbortSignal,
  ): Promise<{ items: RunEventView[]; isEnded: boolean }> {
    const until = Date.now() + waitMs;
    for (;;) {
      const row = await this.get(id, principal);
      const items = await this.store.events(id, after, limit);
      const isEnded = row.ended_at !== null && items.length < limit;
      if (items.length > 0 || isEnded || Date.now() >= until || signal.aborted)
        return { items: items.map(toEventView), isEnded };
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async list(
    query: {
      cursor?: string | undefined;
      limit: number;
      state?: string | undefined;
      namespace?: string | undefined;
      name?: string | undefined;
    },
    principal: Principal,
  ): Promise<Page<Run>> {
    const { cursor, limit, ...filter } = query;
    const rows = await this.store.list({
      ...filter,
      limit: limit + 1,
      ...(cursor === undefined ? {} : { before: decodeCursor(cursor, UUID_KEY) }),
      ...(principal.role === 'admin' ? {} : { startedBy: principal.agentId }),
    });
    const page = toPage(rows, limit, ({ id }) => id);
    return { ...page, items: page.items.map(toRun) };
  }

  private async untilEnded(row: RunRow, waitMs: number, signal: AbortSignal): Promise<RunRow> {
    const until = Date.now() + waitMs;
    let heard: (() => void) | undefined;
    const stop = this.engine.onEnded((runId) => {
      if (runId === row.id) heard?.();
    });
    try {
      let latest = row;
      // The run may have moved to another router, which does not tell; so it is also looked at now and then.
      for (let pause = 5; !signal.aborted; pause = Math.min(pause * 2, 500)) {
        latest = (await this.store.find(row.id)) ?? latest;
        const left = until - Date.now();
        if (latest.ended_at || left <= 0) return latest;
        await new Promise<void>((resolve) => {
          heard = resolve;
          setTimeout(resolve, Math.min(pause, left));
        });
      }
      return latest;
    } finally {
      stop();
    }
  }
}

function hashOf(request: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}

function usedKey(): AppError {
  return new AppError('conflict', 'This Idempotency-Key was used for another request', { hint: 'Take a new key' });
}
