import type { Sink, Source, SourceIo } from './source';

export type RunState = 'syncing' | 'ok' | 'unreachable';

export interface RunOptions {
  source: Source;
  /** As the source's own schema gives them. */
  settings: Record<string, unknown>;
  io: Omit<SourceIo, 'signal'>;
  sink: Sink;
  /** Told when the state changes; `error` is for people. */
  onState: (state: RunState, error: string | null) => void;
  /** First and longest pause after a failure. */
  pauseMs?: { first: number; longest: number };
}

const PAUSE_MS = { first: 500, longest: 60_000 };

/**
 * Follows one source until it is stopped. What a source said stays said while it is away: only the source itself takes
 * something back.
 */
export class SourceRun {
  private readonly stopping = new AbortController();
  private readonly done: Promise<void>;
  private wake: () => void = () => undefined;
  private state: RunState | undefined;
  private lastError: string | null = null;
  private failures = 0;

  constructor(private readonly options: RunOptions) {
    this.done = this.run();
  }

  /** Looks at the source now. */
  sync(): void {
    this.failures = 0;
    if (this.options.source.follow && this.state === 'ok') void this.look().catch((error: unknown) => this.fail(error));
    else this.wake();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.done;
  }

  private get io(): SourceIo {
    return { ...this.options.io, signal: this.stopping.signal };
  }

  private async run(): Promise<void> {
    const { source, settings } = this.options;
    const every = (settings['everySeconds'] as number | undefined) ?? source.everySeconds;
    while (!this.stopping.signal.aborted) {
      this.enter('syncing');
      try {
        if (source.follow) {
          await source.follow(settings, this.io, this.sink);
          throw new Error('the connection ended');
        }
        await this.look();
        await this.pause(every * 1000 * (0.9 + Math.random() * 0.2));
      } catch (error) {
        if (this.isStopped()) return;
        this.fail(error);
        const { first, longest } = this.options.pauseMs ?? PAUSE_MS;
        await this.pause(Math.min(longest, first * 2 ** Math.min(20, this.failures - 1)) * (0.5 + Math.random() / 2));
      }
    }
  }

  private async look(): Promise<void> {
    const { source, settings } = this.options;
    await source.look(settings, this.io, this.sink);
    this.succeed();
  }

  /** Passes on what the source says, unless it says it after it was stopped; saying anything is a sign of life. */
  private readonly sink: Sink = {
    snapshot: (sightings) => this.pass(() => this.options.sink.snapshot(sightings)),
    replace: (prefix, sightings) => this.pass(() => this.options.sink.replace(prefix, sightings)),
    upsert: (sighting) => this.pass(() => this.options.sink.upsert(sighting)),
    remove: (key) => this.pass(() => this.options.sink.remove(key)),
  };

  private async pass(report: () => Promise<void>): Promise<void> {
    if (this.stopping.signal.aborted) return;
    await report();
    if (this.options.source.follow) this.succeed();
  }

  private succeed(): void {
    this.failures = 0;
    this.enter('ok');
  }

  private fail(error: unknown): void {
    this.failures++;
    this.enter('unreachable', ((error as Error).message || String(error)).slice(0, 2000));
  }

  private enter(state: RunState, error: string | null = null): void {
    // A source that is away stays so until it has answered.
    if (state === 'syncing' && this.state !== undefined) return;
    if (this.state === state && this.lastError === error) return;
    this.state = state;
    this.lastError = error;
    if (!this.isStopped()) this.options.onState(state, error);
  }

  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    if (this.isStopped()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
