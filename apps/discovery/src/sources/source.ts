import type { Outbound } from '@mcp-router/platform';
import type { Endpoint, ServerDefinition } from '@mcp-router/shared';
import type { z } from 'zod';
import type { Input, Template } from './inputs';

/** One server as one source sees it. */
export interface Sighting {
  /** Names it within the source, also when its address changes: container id, `namespace/name/port`, `file#entry`. */
  key: string;
  name: string;
  endpoint: Endpoint;
  title?: string | undefined;
  description?: string | undefined;
  version?: string | undefined;
  labels?: Record<string, string> | undefined;
  /** What has to be filled in before it can be used, and where. */
  inputs?: Input[] | undefined;
  template?: Template | undefined;
  /** Of a lease, epoch milliseconds. */
  expiresAt?: number | undefined;
}

/** Where a source reports to. */
export interface Sink {
  /** Everything there is: what was reported before and is not in here is gone. */
  snapshot(sightings: Sighting[]): Promise<void>;
  /** As `snapshot`, for the keys that begin with `prefix`. */
  replace(prefix: string, sightings: Sighting[]): Promise<void>;
  upsert(sighting: Sighting): Promise<void>;
  remove(key: string): Promise<void>;
}

/** What a source works with. */
export interface SourceIo {
  outbound: Outbound;
  signal: AbortSignal;
  /** Kept for the source between two looks and over restarts; JSON. */
  memory: {
    read(): Promise<Record<string, unknown>>;
    write(memory: Record<string, unknown>): Promise<void>;
  };
  /** Something that does not stop the source but should be known. */
  warn(message: string, details?: Record<string, unknown>): void;
}

/** A kind of place that can be looked at for servers. */
export interface Source<S extends z.ZodType = z.ZodType> {
  readonly type: string;
  readonly settings: S;
  /** Between two looks, unless the settings say otherwise (`everySeconds`). */
  readonly everySeconds: number;
  /** Before what others say of the same server, the higher wins. */
  readonly priority: number;
  /** Looks once and reports what there is. */
  look(settings: z.output<S>, io: SourceIo, sink: Sink): Promise<void>;
  /** Reports what there is, and then each change, until the signal aborts; ends or throws when the connection is lost. */
  follow?(settings: z.output<S>, io: SourceIo, sink: Sink): Promise<void>;
  /** The definition behind a sighting with the secrets that sightings leave out; read when it is approved. */
  definition?(settings: z.output<S>, key: string, io: SourceIo): Promise<Partial<ServerDefinition> | undefined>;
}

export function defineSource<S extends z.ZodType>(source: Source<S>): Source<S> {
  return source;
}
