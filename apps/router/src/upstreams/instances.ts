import { AppError } from '@mcp-router/shared';
import type { Cancellation } from './cancellation';
import type { Connection } from './connection';
import type { ServerSpec } from './server-spec';
import { SYSTEM_CALLER } from './system-caller';
import type { Caller } from './upstream';

/** One connection and who it serves. */
export interface Instance {
  readonly key: string;
  /** Undefined for one that the router opened by itself. */
  readonly caller: Caller | undefined;
  connection: Connection | undefined;
  readonly opening: Promise<Connection>;
  readonly abort: AbortController;
  calls: number;
  /** `performance.now()`, like `openedAt`. */
  lastUsed: number;
  openedAt: number;
}

/** Opens a connection for a caller. @param self the instance that it becomes, for what comes in over it later */
export type Dial = (caller: Caller | undefined, signal: AbortSignal, self: () => Instance) => Promise<Connection>;

/** Hears what becomes of instances; of one that was taken out of use, nothing. */
export interface InstanceWatcher {
  opened(instance: Instance, connection: Connection): void;
  openingFailed(error: AppError): void;
  changed(): void;
}

/** The connection of isolation `shared`, and the one that lists are read over otherwise. */
export const MAIN = 'main';
const CONTROL_IDLE_MS = 60_000;

/** The connections of one server, by whom they serve: at most `maxInstances`, each opened when it is first needed. */
export class Instances {
  private readonly byKey = new Map<string, Instance>();

  constructor(
    /** As the server is configured now. */
    private readonly spec: () => ServerSpec,
    private readonly dial: Dial,
    private readonly watcher: InstanceWatcher,
  ) {}

  get all(): Instance[] {
    return [...this.byKey.values()];
  }

  /** The one whose answer stands for the server. */
  get main(): Instance | undefined {
    return this.byKey.get(MAIN) ?? this.all[0];
  }

  /** Whether it is in use, and was not replaced. */
  has(instance: Instance): boolean {
    return this.byKey.get(instance.key) === instance;
  }

  /** The one that serves a caller, if it is there. */
  find(caller: Caller): Instance | undefined {
    return this.byKey.get(this.keyOf(caller));
  }

  /** The one that serves a caller; opened if there is none. @throws AppError `upstream_overloaded` when all are at work for others */
  for(caller: Caller): Instance {
    const key = this.keyOf(caller);
    return this.byKey.get(key) ?? this.open(key, caller);
  }

  /** Opens the main one without being asked by a caller. */
  openMain(): void {
    if (!this.byKey.has(MAIN)) this.open(MAIN, undefined).opening.catch(() => undefined);
  }

  /** A call on it has ended. */
  leave(instance: Instance): void {
    instance.calls--;
    instance.lastUsed = performance.now();
    if (instance.calls === 0 && !this.has(instance)) void instance.connection?.close();
  }

  /** @returns whether it was in use until now */
  forget(instance: Instance): boolean {
    return this.has(instance) && this.byKey.delete(instance.key);
  }

  /** Takes one out of use; its connection is closed when its last call has ended. */
  retire(instance: Instance): void {
    this.forget(instance);
    if (!instance.connection) instance.abort.abort();
    else if (instance.calls === 0) void instance.connection.close();
    this.watcher.changed();
  }

  /** Retires the one of a session. */
  endSession(sessionKey: string): void {
    const instance = this.byKey.get(sessionInstance(sessionKey));
    if (instance) this.retire(instance);
  }

  /** Retires those that nobody used for as long as the server allows. */
  retireIdle(): void {
    const { idleStopSeconds, isolation } = this.spec();
    const now = performance.now();
    for (const instance of this.byKey.values()) {
      if (!instance.connection || instance.calls > 0) continue;
      const limit =
        instance.key === MAIN && isolation !== 'shared' ? CONTROL_IDLE_MS : (idleStopSeconds ?? Infinity) * 1000;
      if (now - instance.lastUsed >= limit) this.retire(instance);
    }
  }

  /** Closes all of them, calls in flight included. */
  async closeAll(): Promise<void> {
    const { all } = this;
    this.byKey.clear();
    await Promise.all(
      all.map(async (instance) => {
        instance.abort.abort();
        // What fails to open cleans up after itself.
        const connection = await instance.opening.catch(() => undefined);
        await connection?.close();
      }),
    );
    this.watcher.changed();
  }

  private keyOf({ principal, sessionKey }: Caller): string {
    const { isolation } = this.spec();
    if (isolation === 'shared' || principal === SYSTEM_CALLER.principal) return MAIN;
    if (isolation === 'session' && sessionKey !== undefined) return sessionInstance(sessionKey);
    return `agent:${principal.agentId}`;
  }

  private open(key: string, caller: Caller | undefined): Instance {
    this.makeRoom();
    const abort = new AbortController();
    const opening = this.dial(caller, abort.signal, () => instance);
    const now = performance.now();
    const instance: Instance = {
      key,
      caller,
      connection: undefined,
      opening,
      abort,
      calls: 0,
      lastUsed: now,
      openedAt: now,
    };
    this.byKey.set(key, instance);
    opening.then(
      (connection) => {
        instance.connection = connection;
        instance.openedAt = instance.lastUsed = performance.now();
        if (this.has(instance)) this.watcher.opened(instance, connection);
        else void connection.close();
      },
      (error: unknown) => {
        if (this.forget(instance) && !abort.signal.aborted) this.watcher.openingFailed(error as AppError);
      },
    );
    this.watcher.changed();
    return instance;
  }

  private makeRoom(): void {
    const { maxInstances, slug } = this.spec();
    if (this.byKey.size < maxInstances) return;
    let oldest: Instance | undefined;
    for (const instance of this.byKey.values())
      if (instance.calls === 0 && instance.connection && (!oldest || instance.lastUsed < oldest.lastUsed))
        oldest = instance;
    if (oldest) return this.retire(oldest);
    throw new AppError('upstream_overloaded', `All ${maxInstances} instances of "${slug}" are in use`, {
      hint: 'Try again in a moment, or raise "maxInstances" of this server',
    });
  }
}

const sessionInstance = (sessionKey: string): string => `session:${sessionKey}`;

/** The connection of an instance, once it is open; the signal ends the wait and nothing else, since others wait for it too. */
export async function connectionOf(instance: Instance, signal: Cancellation): Promise<Connection> {
  return instance.connection ?? (await orCancelled(instance.opening, signal));
}

function orCancelled<T>(work: Promise<T>, signal: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new AppError('cancelled', 'The call was cancelled before it started'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
