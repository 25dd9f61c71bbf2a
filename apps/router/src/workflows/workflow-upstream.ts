import type { Bus } from '@mcp-router/platform';
import { AppError, MODERN_VERSIONS, parseRpc, startRun, getRun, type Run, type RpcText } from '@mcp-router/shared';
import { paramText, stringParam } from '../translation/envelope';
import type { Exchange, Upstream, UpstreamInfo, UnsolicitedListener } from '../upstreams/upstream';
import { isObject, type JsonObject } from './definition/json';
import type { VersionRow, VersionStore } from './version-store';

export const WORKFLOW_SLUG = 'workflow';

const SERVER_INFO = { name: 'mcp-router-workflows', title: 'Workflows', version: '0.1.0' };
const WAIT_MS = 20_000;
const LIST_CHANGED = parseRpc(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }));

/**
 * Every published workflow as a tool `workflow__<name>`, the version that was published last. Of workflows of the same
 * name in several namespaces each is called `<namespace>.<name>`. A call starts a run and waits for its end.
 */
export class WorkflowUpstream implements Upstream {
  readonly slug = WORKFLOW_SLUG;
  readonly isolation = 'shared';
  readonly state = 'ready';
  readonly lastError = null;
  readonly nextRetryAt = null;
  readonly info: UpstreamInfo;
  private readonly listeners = new Set<UnsolicitedListener>();

  constructor(
    private readonly bus: Bus,
    private readonly versions: VersionStore,
  ) {
    const capabilities = { tools: { listChanged: true } };
    this.info = {
      era: 'modern',
      protocolVersion: MODERN_VERSIONS[0],
      capabilities,
      serverInfo: SERVER_INFO,
      supportedVersions: [...MODERN_VERSIONS],
      raw: JSON.stringify({ resultType: 'complete', supportedVersions: MODERN_VERSIONS, capabilities }),
    };
  }

  /** The list of published workflows is another one. */
  changed(): void {
    for (const listener of this.listeners) listener({ message: LIST_CHANGED, server: { slug: this.slug } as never });
  }

  ready(): Promise<UpstreamInfo> {
    return Promise.resolve(this.info);
  }

  async exchange({ message, principal, signal }: Exchange): Promise<string> {
    const body = await this.answer(message, { principal, signal });
    return `{"jsonrpc":"2.0","id":${message.id ?? 'null'},${body}}`;
  }

  openSubscription({ signal }: Exchange): Promise<string> {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(''), { once: true });
    });
  }

  notify(): void {
    // Nothing here listens.
  }

  onUnsolicited(listener: UnsolicitedListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onConnected(): () => void {
    return () => undefined;
  }

  endSession(): void {
    // Has no connections.
  }

  private async answer(message: RpcText, caller: Pick<Exchange, 'principal' | 'signal'>): Promise<string> {
    const offered = toolsOf(await this.versions.list());
    if (message.method === 'tools/list')
      return `"result":${JSON.stringify({ resultType: 'complete', tools: [...offered].map(([name, row]) => describe(name, row)) })}`;
    const row = message.method === 'tools/call' ? offered.get(stringParam(message, ['name']) ?? '') : undefined;
    if (!row) {
      const error = new AppError(
        message.method === 'tools/call' ? 'tool_not_found' : 'method_not_found',
        'There is no such workflow',
      );
      return `"error":${JSON.stringify(error.toJsonRpc())}`;
    }
    const input = JSON.parse(paramText(message, ['arguments']) ?? '{}') as JsonObject;
    return `"result":${JSON.stringify(await this.call(row, input, caller))}`;
  }

  private async call(
    { namespace, name, version }: VersionRow,
    input: JsonObject,
    { principal, signal }: Pick<Exchange, 'principal' | 'signal'>,
  ): Promise<object> {
    try {
      const options = { signal, context: { principal } };
      let run: Run = await this.bus.call(startRun, { namespace, name, version, input, waitMs: WAIT_MS }, options);
      for (let pause = 100; !run.endedAt && !signal.aborted; pause = Math.min(pause * 2, 2_000)) {
        if (run.state === 'needs_attention' || run.state === 'waiting' || run.state === 'suspended') break;
        await new Promise((resolve) => setTimeout(resolve, pause));
        run = await this.bus.call(getRun, { run: run.id }, options);
      }
      if (run.state === 'completed') {
        const text = [{ type: 'text', text: JSON.stringify(run.output) }];
        return {
          resultType: 'complete',
          content: text,
          ...(isObject(run.output) ? { structuredContent: run.output } : {}),
        };
      }
      const text = run.endedAt
        ? `The run ${run.id} is ${run.state}: ${JSON.stringify(run.error)}`
        : `The run ${run.id} is ${run.state} and goes on; router__get_run tells how it stands`;
      return { resultType: 'complete', content: [{ type: 'text', text }], isError: run.endedAt !== null };
    } catch (thrown) {
      const { code, detail, hint } = AppError.from(thrown);
      const text = [`${code}: ${detail}`, ...(hint === undefined ? [] : [hint])].join('\n');
      return { resultType: 'complete', content: [{ type: 'text', text }], isError: true };
    }
  }
}

function toolsOf(rows: readonly VersionRow[]): Map<string, VersionRow> {
  const latest = new Map<string, VersionRow>();
  for (const row of rows) {
    const key = `${row.namespace}/${row.name}`;
    const known = latest.get(key);
    if (row.published_at && (!known?.published_at || row.published_at > known.published_at)) latest.set(key, row);
  }
  const named = [...latest.values()];
  const isShared = (name: string) => named.filter((row) => row.name === name).length > 1;
  return new Map(named.map((row) => [isShared(row.name) ? `${row.namespace}.${row.name}` : row.name, row]));
}

/** A workflow may do anything that its tools do, so the annotations are on the safe side. */
function describe(name: string, { definition, version }: VersionRow): object {
  const { title, summary } = (definition['document'] ?? {}) as { title?: string; summary?: string };
  const schema = inlineSchema(definition['input']);
  return {
    name,
    ...(title === undefined ? {} : { title }),
    description: summary ?? title ?? `Runs the workflow ${name} ${version}`,
    inputSchema: schema?.['type'] === 'object' ? schema : { type: 'object' },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  };
}

function inlineSchema(filter: unknown): JsonObject | undefined {
  const schema = isObject(filter) && isObject(filter['schema']) ? filter['schema']['document'] : undefined;
  return isObject(schema) ? schema : undefined;
}
