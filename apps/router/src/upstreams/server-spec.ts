import type { OAuthOptions } from '@mcp-router/shared';
import type { Isolation } from './upstream';

export type Transport =
  | { type: 'stdio'; command: string; args: string[]; env: Record<string, string>; cwd: string | undefined }
  | { type: 'http' | 'sse'; url: string; headers: Record<string, string> };

/** A server's definition with everything filled in: secrets decrypted, variables expanded, defaults applied. */
export interface ServerSpec {
  slug: string;
  enabled: boolean;
  transport: Transport;
  isolation: Isolation;
  maxInstances: number;
  maxConcurrency: number;
  /** A connection without a call for this long is closed; undefined: never. */
  idleStopSeconds: number | undefined;
  connectTimeoutMs: number;
  callTimeoutMs: number;
  totalTimeoutMs: number;
  memoryLimitMb: number | undefined;
  cpuLimitSeconds: number | undefined;
  cpuLimitCores?: number | undefined;
  /** Its tools are held until they were scanned or approved. */
  scanBeforeUse: boolean;
  /** The operator wrote the address into a file of this installation: it may be a private one. */
  trustsAddress: boolean;
  /** Set when the server wants tokens that the router gets. */
  oauth?: OAuthOptions | undefined;
  /** Values that must never be seen in logs. */
  secrets: string[];
}
