import { isFeatureEnabled, tracer } from '@mcp-router/platform';
import { AppError, type RpcText, type ServerState } from '@mcp-router/shared';
import type { Dispatcher } from 'undici';
import { LogRing } from '../processes/log-ring';
import type { Reaper } from '../processes/reaper';
import { Bulkhead } from './bulkhead';
import type { Cancellation } from './cancellation';
import { Circuit } from './circuit';
import { connect } from './connect';
import { ConnectionLost, type Connection } from './connection';
import { countFromZero, countRestart, countRetry, measureExchange } from './exchange-metrics';
import { modernEnvelope, SHARED_CAPABILITIES } from './handshake';
import { requestText } from './message';
import { isRepeatable, type ToolHints } from './repeatable';
import { connectionOf, Instances, MAIN, type Dial, type Instance } from './instances';
import type { ServerSpec } from './server-spec';
import { SYSTEM_CALLER } from './system-caller';
import { traceExchange } from './traced-exchange';
import type {
  Caller,
  EraMemory,
  Exchange,
  Isolation,
  Unsolicited,
  UnsolicitedListener,
  Upstream,
  UpstreamInfo,
} from './upstream';

export interface UpstreamTools {
  reaper: Reaper;
  dispatcher: Dispatcher;
  maxMessageBytes: number;
  maxQueue: number;
  /** What the catalogue knows of a tool: decides whether a lost call may be repeated. */
  hintsOf: (slug: string, tool: string) => ToolHints | undefined;
  onChange: (upstream: SupervisedUpstream) => void;
}

/** A connection that held this long is a good one, whatever was before. */
const STABLE_MS = 10_000;
/** A broken socket and then a forgotten session are what a restarted server looks like. */
const REPEATS = 2;
const PROBE_TIMEOUT_MS = 10_000;

/** Keeps the connections of one server: opens them on demand, watches them, tries again, and never lets a call hang. */
export class SupervisedUpstream implements Upstream {
  info: UpstreamInfo | undefined;
  logs: LogRing;
  private readonly instances: Instances;
  private readonly circuit = new Circuit();
  private readonly listeners = new Set<UnsolicitedListener>();
  private readonly connectedListeners = new Set<(caller: Caller | undefined) => void>();
  private bulkhead: Bulkhead;
  private retryTimer: NodeJS.Timeout | undefined;
  private readonly idleTimer: NodeJS.Timeout;
  private wasOpen = false;
  private draining = false;
  private verifying = false;
  private era: EraMemory = { known: undefined, diesOfProbe: false };

  constructor(
    private current: ServerSpec,
    private readonly tools: UpstreamTools,
  ) {
    this.logs = new LogRing(current.secrets);
    this.bulkhead = new Bulkhead(current.maxConcurrency, tools.maxQueue);
    this.instances = new Instances(() => this.current, this.dial, {
      opened: (instance, connection) => this.opened(instance, connection),
      openingFailed: (error) => this.openingFailed(error),
      changed: () => this.changed(),
    });
    this.idleTimer = setInterval(() => this.tidy(), 1_000).unref();
    countFromZero(current.slug);
  }

  get slug(): string {
    return this.current.slug;
  }

  get spec(): ServerSpec {
    return this.current;
  }

  get isolation(): Isolation {
    return this.current.isolation;
  }

  get lastError(): string | null {
    return this.circuit.lastError;
  }

  get nextRetryAt(): Date | null {
    return this.circuit.nextRetryAt;
  }

  get state(): ServerState {
    if (!this.current.enabled) return 'disabled';
    if (this.circuit.isOpen) return 'unreachable';
    const instances = this.instances.all;
    if (instances.some(({ connection }) => connection)) return this.circuit.isShaky ? 'degraded' : 'ready';
    return instances.length > 0 ? 'starting' : 'stopped';
  }

  get inFlight(): number {
    return this.bulkhead.inFlight;
  }

  /** Calls that wait for a place. */
  get queueDepth(): number {
    return this.bulkhead.waiting;
  }

  /** Whether calls are refused at once, until a probe gets through. */
  get isCircuitOpen(): boolean {
    return this.circuit.isOpen;
  }

  /** The processes and connections there are now. */
  get connections(): { key: string; pid: number | undefined }[] {
    return this.instances.all.map(({ key, connection }) => ({ key, pid: connection?.pid }));
  }

  /** Opens the first connection without being asked, so that the catalogue knows the server. */
  start(): void {
    if (this.current.enabled) this.openMain();
  }

  /** Closes every connection, forgets failures and waits, and starts again. */
  async restart(): Promise<void> {
    this.circuit.reset();
    this.forgetEra();
    clearTimeout(this.retryTimer);
    await this.instances.closeAll();
    this.start();
  }

  /** Takes a changed definition; calls in flight end on the connections they have. */
  reconfigure(spec: ServerSpec): void {
    this.current = spec;
    this.logs = new LogRing(spec.secrets);
    this.bulkhead = new Bulkhead(spec.maxConcurrency, this.tools.maxQueue);
    this.circuit.reset();
    this.forgetEra();
    clearTimeout(this.retryTimer);
    for (const instance of this.instances.all) this.instances.retire(instance);
    if (!spec.enabled) this.changed();
    else this.start();
  }

  /** Refuses new calls, lets those in flight end for at most `drainMs`, then closes everything. */
  async close(drainMs = 0): Promise<void> {
    this.draining = true;
    clearInterval(this.idleTimer);
    clearTimeout(this.retryTimer);
    const until = Date.now() + drainMs;
    while (this.bulkhead.inFlight > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    await this.instances.closeAll();
  }

  onUnsolicited(listener: UnsolicitedListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onConnected(listener: (caller: Caller | undefined) => void): () => void {
    this.connectedListeners.add(listener);
    return () => this.connectedListeners.delete(listener);
  }

  async ready(signal?: Cancellation): Promise<UpstreamInfo> {
    this.admit();
    const connection = await connectionOf(this.instances.for(SYSTEM_CALLER), signal ?? SYSTEM_CALLER.signal);
    return connection.info;
  }

  async exchange(exchange: Exchange): Promise<string> {
    refuseInMaintenance(exchange);
    this.admit();
    const { bulkhead } = this;
    const startedAt = performance.now();
    let errorType = '';
    if (!bulkhead.tryEnter()) await bulkhead.enter(exchange.signal);
    const traced = tracer.isOn ? traceExchange(exchange, this.slug, this.transportLabel, this.info) : undefined;
    try {
      return await this.attempt(traced?.exchange ?? exchange, REPEATS);
    } catch (error) {
      errorType = AppError.from(error).code;
      throw error;
    } finally {
      bulkhead.leave();
      traced?.span?.end(errorType || undefined);
      this.measure(exchange, performance.now() - startedAt, errorType);
    }
  }

  async openSubscription(exchange: Exchange): Promise<string> {
    this.admit();
    const instance = this.instances.for(exchange);
    const connection = instance.connection ?? (await connectionOf(instance, exchange.signal));
    // The router's own subscription must not keep an idle server up.
    const use = exchange.principal === SYSTEM_CALLER.principal ? 0 : 1;
    instance.calls += use;
    try {
      return await connection.exchange(exchange, false);
    } catch (error) {
      throw error instanceof ConnectionLost ? unavailable(this.slug, error.reason, error) : error;
    } finally {
      if (use > 0) this.instances.leave(instance);
    }
  }

  notify(message: RpcText, caller: Caller): void {
    this.instances.find(caller)?.connection?.notify(message);
  }

  endSession(sessionKey: string): void {
    this.instances.endSession(sessionKey);
  }

  /** Asks for a sign of life over the connection that calls use. @returns milliseconds */
  async probe(timeoutMs = PROBE_TIMEOUT_MS): Promise<number> {
    return this.probeInstance(this.probed(), timeoutMs).catch((error: unknown) => {
      throw error instanceof ConnectionLost ? unavailable(this.slug, error.reason, error) : error;
    });
  }

  /** The connection whose answer stands for the server; opened if there is none. */
  private probed(): Instance {
    return this.instances.main ?? this.instances.for(SYSTEM_CALLER);
  }

  private async probeInstance(instance: Instance, timeoutMs: number): Promise<number> {
    const connection = await connectionOf(instance, AbortSignal.timeout(timeoutMs));
    const start = performance.now();
    await connection.exchange({ ...SYSTEM_CALLER, message: signOfLife(connection.info), timeoutMs }, true);
    return performance.now() - start;
  }

  private admit(): void {
    if (!this.current.enabled) throw new AppError('upstream_unavailable', `The server "${this.slug}" is disabled`);
    if (this.draining) throw new AppError('upstream_unavailable', `The server "${this.slug}" is being stopped`);
    if (this.circuit.isOpen) throw this.openCircuit();
  }

  private openCircuit(): AppError {
    const at = this.circuit.nextRetryAt?.toISOString();
    return new AppError(
      'upstream_unavailable',
      `The server "${this.slug}" is not reachable: ${this.lastError ?? 'unknown'}`,
      {
        hint: `It is tried again at ${at ?? 'once'}; restart the server to try now`,
        data: { server: this.slug, nextRetryAt: at },
      },
    );
  }

  private async attempt(exchange: Exchange, repeatsLeft: number): Promise<string> {
    const instance = this.instances.for(exchange);
    const connection = instance.connection ?? (await connectionOf(instance, exchange.signal));
    instance.calls++;
    let lost: ConnectionLost;
    try {
      const response = await connection.exchange(exchange, true);
      if (this.circuit.isShaky || this.lastError !== null) this.recovered();
      return response;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) {
        if (error instanceof AppError && error.code !== 'cancelled') this.failed(error.detail);
        throw error;
      }
      lost = error;
    } finally {
      this.instances.leave(instance);
    }
    // What was refused before it was sent, or forgot the session, needs a new connection; one broken stream does not.
    if (!lost.sent || connection.isOver) this.instances.retire(instance);
    else this.failed(lost.reason);
    const repeatable = isRepeatable(exchange.message, (tool) => this.tools.hintsOf(this.slug, tool));
    if (repeatsLeft > 0 && (repeatable || (!lost.sent && !lost.sessionExpired))) {
      this.admit();
      countRetry(this.slug);
      return this.attempt(exchange, repeatsLeft - 1);
    }
    if (!lost.sent && !this.circuit.isOpen) this.openMain();
    throw unavailable(this.slug, lost.reason, lost);
  }

  /** As OpenTelemetry names it. */
  private get transportLabel(): 'pipe' | 'tcp' {
    return this.current.transport.type === 'stdio' ? 'pipe' : 'tcp';
  }

  private measure({ message, timing }: Exchange, milliseconds: number, errorType: string): void {
    if (timing) timing.upstreamMs += milliseconds;
    measureExchange(message.method, this.current.slug, this.transportLabel, errorType, milliseconds);
  }

  private openMain(): void {
    if (!this.draining) this.instances.openMain();
  }

  private readonly dial: Dial = (caller, signal, self) =>
    connect({
      spec: this.spec,
      capabilities:
        this.isolation === 'session' && caller?.clientCapabilities !== undefined
          ? caller.clientCapabilities
          : JSON.stringify(SHARED_CAPABILITIES),
      memory: this.era,
      onLateModern: () => this.turnModern(self()),
      dispatcher: this.tools.dispatcher,
      reaper: this.tools.reaper,
      logs: this.logs,
      maxMessageBytes: this.tools.maxMessageBytes,
      onStray: (message, reply, taskId) => this.stray(self(), message, reply, taskId),
      signal,
    });

  private opened(instance: Instance, connection: Connection): void {
    if (instance.key === MAIN) {
      if (this.wasOpen) countRestart(this.slug);
      this.wasOpen = true;
    }
    this.info = connection.info;
    this.era.known = connection.info.era;
    this.circuit.close();
    void connection.lost.then(({ reason, sessionExpired }) =>
      this.lostConnection(instance, reason, sessionExpired ?? false),
    );
    for (const listener of this.connectedListeners) listener(instance.caller);
    this.changed();
  }

  private openingFailed(error: AppError): void {
    // Another version of the server may speak otherwise.
    this.forgetEra();
    this.circuit.open(error.detail);
    this.scheduleRetry();
    this.changed();
  }

  private forgetEra(): void {
    this.era = { known: undefined, diesOfProbe: false };
  }

  /** The server speaks the new era too: the next connection is made in it, and calls in flight end on this one. */
  private turnModern(instance: Instance): void {
    // Those who wait for the connection begin on it first: its end must not be theirs.
    if (!instance.connection) {
      instance.opening.then(() => setImmediate(() => this.turnModern(instance))).catch(() => undefined);
      return;
    }
    if (this.draining || !this.instances.has(instance)) return;
    this.era.known = 'modern';
    this.instances.retire(instance);
    if (instance.key === MAIN) this.openMain();
  }

  private lostConnection(instance: Instance, reason: string, sessionExpired: boolean): void {
    if (!this.instances.forget(instance)) return;
    void instance.connection?.close();
    const opened = !sessionExpired && this.circuit.countLoss(reason);
    if (opened) this.scheduleRetry();
    else if (instance.key === MAIN) this.openMain();
    this.changed();
  }

  private scheduleRetry(): void {
    clearTimeout(this.retryTimer);
    const at = this.circuit.nextRetryAt;
    if (!at || this.draining || !this.current.enabled) return;
    this.retryTimer = setTimeout(() => void this.halfOpen(), Math.max(0, at.getTime() - Date.now())).unref();
  }

  /** After a call that got no answer: a server that does not answer a probe either is down. */
  private async verify(): Promise<void> {
    if (this.verifying || this.draining) return;
    this.verifying = true;
    const instance = this.probed();
    try {
      await this.probeInstance(instance, Math.min(PROBE_TIMEOUT_MS, this.current.callTimeoutMs));
    } catch (error) {
      this.probeFailed(instance, error);
    } finally {
      this.verifying = false;
    }
  }

  /** One probe decides whether calls may go again; until then they are still refused. */
  private async halfOpen(): Promise<void> {
    const instance = this.probed();
    try {
      // It may have to start first.
      await this.probeInstance(instance, this.current.connectTimeoutMs + PROBE_TIMEOUT_MS);
      this.circuit.close();
      this.changed();
    } catch (error) {
      this.probeFailed(instance, error);
    }
  }

  private probeFailed(instance: Instance, error: unknown): void {
    // A connection that is not the current one has been dealt with: its opening failed, or its loss was noticed.
    if (this.draining || !this.instances.has(instance)) return;
    this.instances.retire(instance);
    this.circuit.open(error instanceof ConnectionLost ? error.reason : AppError.from(error).detail);
    this.scheduleRetry();
    this.changed();
  }

  private failed(reason: string): void {
    const before = this.state;
    if (this.circuit.countFailure(reason)) this.scheduleRetry();
    else void this.verify();
    if (this.state !== before) this.changed();
  }

  private recovered(): void {
    this.circuit.succeed();
    this.changed();
  }

  private tidy(): void {
    const now = performance.now();
    const isStable = ({ connection, calls, openedAt }: Instance): boolean =>
      connection !== undefined && calls === 0 && now - openedAt >= STABLE_MS;
    if (this.circuit.lastError !== null && !this.circuit.isShaky && this.instances.all.some(isStable)) this.recovered();
    this.instances.retireIdle();
  }

  private stray(instance: Instance, message: RpcText, send: (text: string) => void, taskId?: string): boolean {
    const event: Unsolicited = {
      message,
      server: { respond: send, notify: send },
      ...(taskId !== undefined && { taskId }),
      ...(instance.caller?.sessionKey !== undefined &&
        this.isolation === 'session' && { sessionKey: instance.caller.sessionKey }),
      ...(instance.caller && this.isolation !== 'shared' && { agentId: instance.caller.principal.agentId }),
    };
    let taken = false;
    for (const listener of this.listeners) taken = listener(event) === true || taken;
    return taken;
  }

  private changed(): void {
    this.tools.onChange(this);
  }
}

function signOfLife(info: UpstreamInfo): RpcText {
  return info.era === 'modern'
    ? requestText('1', 'server/discover', { _meta: modernEnvelope(info.protocolVersion) })
    : requestText('1', 'ping');
}

function unavailable(slug: string, reason: string, cause: ConnectionLost): AppError {
  return new AppError('upstream_unavailable', `The connection to "${slug}" was lost: ${reason}`, {
    cause,
    hint: cause.sent ? 'The server may have done what was asked' : 'The call did not reach the server; call again',
  });
}

/** The switch that stops all calls of people and programs, but not the router's own housekeeping. */
function refuseInMaintenance({ principal }: Caller): void {
  if (isFeatureEnabled('ROUTER_SERVICES') || principal === SYSTEM_CALLER.principal) return;
  throw new AppError('maintenance', 'Calls are switched off for maintenance', {
    hint: 'Try again later; an administrator switches them on with the flag ROUTER_SERVICES',
  });
}
