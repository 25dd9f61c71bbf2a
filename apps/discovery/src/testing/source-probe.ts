import { Outbound } from '@mcp-router/platform';
import type { Sighting, Sink, Source } from '../sources/source';

/** What a source reports, as whoever listens sees it, and a way to run it. */
export class SourceProbe {
  readonly seen = new Map<string, Sighting>();
  readonly warnings: string[] = [];
  readonly outbound = new Outbound({ allow: ['loopback'] });
  snapshots = 0;
  memory: Record<string, unknown> = {};
  private readonly stopping = new AbortController();

  readonly sink: Sink = {
    snapshot: async (sightings) => {
      this.snapshots++;
      this.seen.clear();
      for (const sighting of sightings) this.seen.set(sighting.key, sighting);
    },
    replace: async (prefix, sightings) => {
      for (const key of [...this.seen.keys()]) if (key.startsWith(prefix)) this.seen.delete(key);
      for (const sighting of sightings) this.seen.set(sighting.key, sighting);
    },
    upsert: async (sighting) => void this.seen.set(sighting.key, sighting),
    remove: async (key) => void this.seen.delete(key),
  };

  readonly io = {
    outbound: this.outbound,
    signal: this.stopping.signal,
    memory: {
      read: async () => this.memory,
      write: async (memory: Record<string, unknown>) => {
        this.memory = JSON.parse(JSON.stringify(memory)) as Record<string, unknown>;
      },
    },
    warn: (message: string) => void this.warnings.push(message),
  };

  look(source: Source, settings: Record<string, unknown>): Promise<void> {
    return source.look(source.settings.parse(settings), this.io, this.sink);
  }

  /** Ends, with the error if there is one, when the source does. */
  async follow(source: Source, settings: Record<string, unknown>): Promise<Error | undefined> {
    try {
      await source.follow?.(source.settings.parse(settings), this.io, this.sink);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.outbound.close();
  }

  /** URLs (or what else there is) by name, in order. */
  get places(): string[] {
    return [...this.seen.values()]
      .map(({ name, endpoint }) => `${name} ${'url' in endpoint ? endpoint.url : endpoint.kind}`)
      .sort();
  }
}
