import type { Bus } from '@mcp-router/platform';
import { AppError, MODERN_VERSIONS, parseRpc, startRun, getRun, type Run, type RpcText } from '@mcp-router/shared';
import { paramText, stringParam } from '../translation/envelope';
import type { Exchange, Upstream, UpstreamInfo, UnsolicitedListener } from '../upstreams/upstream';
import { isObject, type JsonObject } from './definition/json';
import type { Catalogue } from '../catalogue/catalogue';
import { WORST, type WorkflowHints } from './hints';
import { toolHash } from './live-catalogue';
import type { VersionRow, VersionStore } from './version-store';
import { asAbortSignal } from '../upstreams/cancellation';

const WORKFLOW_SLUG = 'workflow';

const SERVER_INFO = { name: 'mcp-router-workflows', title: 'Workflows', version: '0.1.0' };
const WAIT_MS = 20_000;
const MAX_PAUSE_MS = 2_000;
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

  /** What was said last of all tools. */
  private described: string | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly versions: VersionStore,
    private readonly catalogue: Catalogue,
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

  async exchange(exchange: Exchange): Promise<string> {
    const body = await this.answer(exchange.message, exchange);
    return `{"jsonrpc":"2.0","id":${exchange.message.id ?? 'null'},${body}}`;
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

  private async answer(message: RpcText, exchange: Exchange): Promise<string> {
    const offered = toolsOf(await this.versions.list());
    if (message.method === 'tools/list') {
      const tools = [...offered].map(([name, row]) => describe(name, row, this.hintsOf(row)));
      this.described = JSON.stringify(tools);
      return `"result":${JSON.stringify({ resultType: 'complete', tools })}`;
    }
    const row = message.method === 'tools/call' ? offered.get(stringParam(message, ['name']) ?? '') : undefined;
    if (!row) {
      const error = new AppError(
        message.method === 'tools/call' ? 'tool_not_found' : 'method_not_found',
        'There is no such workflow',
      );
      return `"error":${JSON.stringify(error.toJsonRpc())}`;
    }
    const input = JSON.parse(paramText(message, ['arguments']) ?? '{}') as JsonObject;
    return `"result":${JSON.stringify(await this.call(row, input, exchange))}`;
  }

  /** Those of the publication, unless a tool is another one since. */
  private hintsOf({ hints, tools }: VersionRow): WorkflowHints {
    const isAsPublished = ([name, hash]: [string, string]) => {
      const text = this.catalogue.find('tools', name)?.text;
      return text === undefined || toolHash(text) === hash;
    };
    return hints && Object.entries(tools).every(isAsPublished) ? hints : WORST;
  }

  /** Tools of other servers are others: what is said of the workflows that call them may be stale. */
  async reconsider(): Promise<void> {
    if (this.described === undefined) return;
    const tools = [...toolsOf(await this.versions.list())].map(([name, row]) => describe(name, row, this.hintsOf(row)));
    if (JSON.stringify(tools) !== this.described) this.changed();
  }

  private async call(row: VersionRow, input: JsonObject, exchange: Exchange): Promise<object> {
    try {
      const run = await this.untilSettled(row, input, exchange);
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
      // A result without structured content would break the promise of an output schema, unless it is an error.
      const isError = run.endedAt !== null || outputSchemaOf(row) !== undefined;
      return { resultType: 'complete', content: [{ type: 'text', text }], isError };
    } catch (thrown) {
      const { code, detail, hint } = AppError.from(thrown);
      const text = [`${code}: ${detail}`, ...(hint === undefined ? [] : [hint])].join('\n');
      return { resultType: 'complete', content: [{ type: 'text', text }], isError: true };
    }
  }

  /** Starts a run and waits until it ends or waits itself, telling of each task that ends to whom asked for progress. */
  private async untilSettled(
    { namespace, name, version }: VersionRow,
    input: JsonObject,
    exchange: Exchange,
  ): Promise<Run> {
    const { message, principal, signal } = exchange;
    const options = { signal: asAbortSignal(signal), context: { principal } };
    const token = paramText(message, ['_meta', 'progressToken']);
    // A workflow that calls this one again after a crash means the same run.
    const key = stringParam(message, ['_meta', 'mcp-router/idempotency-key']);
    const waitMs = token === undefined ? WAIT_MS : 0;
    const request = { namespace, name, version, input, waitMs, ...(key === undefined ? {} : { idempotencyKey: key }) };
    let run: Run = await this.bus.call(startRun, request, options);
    let told = 0;
    for (let pause = 100; !run.endedAt && !signal.aborted; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      if (run.state === 'needs_attention' || run.state === 'waiting' || run.state === 'suspended') break;
      await new Promise((resolve) => setTimeout(resolve, pause));
      const detail = await this.bus.call(getRun, { run: run.id }, options);
      const done = detail.tasks.filter(({ endedAt }) => endedAt !== null);
      if (token !== undefined && done.length > told) {
        told = done.length;
        exchange.onMessage?.(progress(token, told, done.at(-1)?.pointer ?? ''), NOBODY);
      }
      run = detail;
    }
    return run;
  }
}

const NOBODY = { respond: () => undefined, notify: () => undefined };

function progress(token: string, count: number, pointer: string): RpcText {
  const message = JSON.stringify(`${pointer} has ended`);
  return parseRpc(
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":${count},"message":${message}}}`,
  );
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

function describe(name: string, row: VersionRow, annotations: WorkflowHints): object {
  const { definition, version } = row;
  const output = outputSchemaOf(row);
  const { title, summary } = (definition['document'] ?? {}) as { title?: string; summary?: string };
  const schema = inlineSchema(definition['input']);
  return {
    name,
    ...(title === undefined ? {} : { title }),
    description: summary ?? title ?? `Runs the workflow ${name} ${version}`,
    inputSchema: schema?.['type'] === 'object' ? schema : { type: 'object' },
    ...(output ? { outputSchema: output } : {}),
    annotations,
  };
}

/** Structured content is an object, so only the schema of one can be promised. */
function outputSchemaOf({ definition }: VersionRow): JsonObject | undefined {
  const schema = inlineSchema(definition['output']);
  return schema?.['type'] === 'object' ? schema : undefined;
}

function inlineSchema(filter: unknown): JsonObject | undefined {
  const schema = isObject(filter) && isObject(filter['schema']) ? filter['schema']['document'] : undefined;
  return isObject(schema) ? schema : undefined;
}
