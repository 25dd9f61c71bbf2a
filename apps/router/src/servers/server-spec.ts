import type { ServerDefinition } from '@mcp-router/shared';
import type { ServerSpec, Transport } from '../upstreams/server-spec';

/** Installation-wide values of what a definition leaves open. */
export interface SpecDefaults {
  CONNECT_TIMEOUT_MS: number;
  CALL_TIMEOUT_MS: number;
  TOTAL_TIMEOUT_MS: number;
  MAX_CONCURRENCY: number;
  MAX_INSTANCES: number;
}

/** Of the router's environment a child gets these and no others: what the SDKs' own clients pass on. */
const INHERITED =
  process.platform === 'win32'
    ? [
        'APPDATA',
        'HOMEDRIVE',
        'HOMEPATH',
        'LOCALAPPDATA',
        'PATH',
        'PROCESSOR_ARCHITECTURE',
        'SYSTEMDRIVE',
        'SYSTEMROOT',
        'TEMP',
        'USERNAME',
        'USERPROFILE',
        'PROGRAMFILES',
      ]
    : ['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER'];

/** Connections of one caller are given up after this long without a call. */
const IDLE_STOP_SECONDS = 300;

/** Fills in what a definition leaves open. */
export function toSpec(
  slug: string,
  definition: ServerDefinition,
  defaults: SpecDefaults,
  environment: Readonly<Record<string, string | undefined>>,
  trustsAddress: boolean,
): ServerSpec {
  const isolation = definition.isolation ?? 'shared';
  const callTimeoutMs = definition.callTimeoutMs ?? defaults.CALL_TIMEOUT_MS;
  return {
    slug,
    enabled: definition.enabled ?? true,
    transport: transportOf(definition, environment),
    isolation,
    maxInstances: definition.maxInstances ?? defaults.MAX_INSTANCES,
    maxConcurrency: definition.maxConcurrency ?? defaults.MAX_CONCURRENCY,
    idleStopSeconds: definition.idleStopSeconds ?? (isolation === 'shared' ? undefined : IDLE_STOP_SECONDS),
    connectTimeoutMs: definition.connectTimeoutMs ?? defaults.CONNECT_TIMEOUT_MS,
    callTimeoutMs,
    totalTimeoutMs: definition.totalTimeoutMs ?? Math.max(defaults.TOTAL_TIMEOUT_MS, callTimeoutMs),
    memoryLimitMb: definition.memoryLimitMb,
    cpuLimitSeconds: definition.cpuLimitSeconds,
    cpuLimitCores: definition.cpuLimitCores,
    scanBeforeUse: definition.scanBeforeUse ?? false,
    trustsAddress,
    ...(definition.oauth && { oauth: definition.oauth }),
    secrets: [
      ...Object.values(definition.env ?? {}),
      ...Object.values(definition.headers ?? {}).flatMap(secretParts),
      ...[definition.oauth?.clientSecret, definition.oauth?.privateKey].filter((secret) => secret !== undefined),
    ],
  };
}

function transportOf(
  { command, args, env, cwd, url, headers, type }: ServerDefinition,
  environment: Readonly<Record<string, string | undefined>>,
): Transport {
  if (url !== undefined) return { type: type === 'sse' ? 'sse' : 'http', url, headers: headers ?? {} };
  const inherited: Record<string, string> = {};
  for (const name of INHERITED) {
    const value = environment[name];
    // A value that starts like this is a shell function, which a shell among the children would run.
    if (value !== undefined && !value.startsWith('()')) inherited[name] = value;
  }
  return { type: 'stdio', command: command ?? '', args: args ?? [], env: { ...inherited, ...env }, cwd };
}

/** Of `Bearer abc` the token alone is a secret too: a server may log it without the scheme. */
function secretParts(value: string): string[] {
  const token = /^\S+\s+(\S+)$/.exec(value)?.[1];
  return token === undefined ? [value] : [value, token];
}
