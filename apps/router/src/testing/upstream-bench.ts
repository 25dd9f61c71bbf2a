import { parseRpc } from '@mcp-router/shared';
import { Agent } from 'undici';
import { Reaper } from '../processes/reaper';
import type { ServerSpec, Transport } from '../upstreams/server-spec';
import { SupervisedUpstream, type UpstreamTools } from '../upstreams/supervised-upstream';
import { SYSTEM_CALLER } from '../upstreams/system-caller';
import type { Exchange, Upstream } from '../upstreams/upstream';

/** What a supervised upstream needs, for tests: no Nest, no bus, no database. */
export interface UpstreamBench {
  reaper: Reaper;
  open(transport: Transport, spec?: Partial<ServerSpec>, tools?: Partial<UpstreamTools>): SupervisedUpstream;
  close(): Promise<void>;
}

export function upstreamBench(reaper = new Reaper()): UpstreamBench {
  const dispatcher = new Agent({ connect: { timeout: 2_000 } });
  const opened: SupervisedUpstream[] = [];
  return {
    reaper,
    open(transport, spec = {}, tools = {}) {
      const upstream = new SupervisedUpstream(
        {
          slug: 'test',
          enabled: true,
          transport,
          isolation: 'shared',
          maxInstances: 8,
          maxConcurrency: 64,
          idleStopSeconds: undefined,
          connectTimeoutMs: 10_000,
          callTimeoutMs: 10_000,
          totalTimeoutMs: 60_000,
          memoryLimitMb: undefined,
          cpuLimitSeconds: undefined,
          scanBeforeUse: false,
          trustsAddress: true,
          secrets: [],
          ...spec,
        },
        {
          reaper,
          dispatcher,
          maxMessageBytes: 64 * 1024 * 1024,
          maxQueue: 256,
          hintsOf: () => undefined,
          onChange: () => undefined,
          ...tools,
        },
      );
      opened.push(upstream);
      return upstream;
    },
    async close() {
      await Promise.all(opened.map((upstream) => upstream.close()));
      await reaper.close();
      await dispatcher.destroy();
    },
  };
}

export function stdio(script: string, args: string[] = [], env: Record<string, string> = {}): Transport {
  return {
    type: 'stdio',
    command: process.execPath,
    args: [script, ...args],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...env },
    cwd: undefined,
  };
}

let requests = 0;

/** Sends one request and gives its answer, parsed. */
export async function ask(
  upstream: Upstream,
  method: string,
  params: object = {},
  rest: Partial<Exchange> = {},
): Promise<{ id: unknown; result?: Record<string, unknown>; error?: { code: number; message: string } }> {
  const message = parseRpc(JSON.stringify({ jsonrpc: '2.0', id: `t${++requests}`, method, params }));
  return JSON.parse(await upstream.exchange({ ...SYSTEM_CALLER, ...rest, message })) as never;
}
