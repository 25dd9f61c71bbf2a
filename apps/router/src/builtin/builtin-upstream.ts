import type { Bus } from '@mcp-router/platform';
import { AppError, ENVELOPE, MODERN_VERSIONS, type Principal, type RpcText } from '@mcp-router/shared';
import { z } from 'zod';
import { paramText, stringParam } from '../translation/envelope';
import type { Exchange, Upstream, UpstreamInfo } from '../upstreams/upstream';
import { isForRole, type BuiltinTool } from './builtin-tool';
import { asAbortSignal } from '../upstreams/cancellation';

export const BUILTIN_SLUG = 'router';

const SERVER_INFO = { name: 'mcp-router', title: 'MCP Router', version: '0.1.0' };
const INSTRUCTIONS = 'Manages the MCP Router itself: its servers, their health, and what was called.';

/** The router as an MCP server of its own: an upstream in this process, in the catalogue like any other. */
export class BuiltinUpstream implements Upstream {
  readonly slug = BUILTIN_SLUG;
  readonly isolation = 'shared';
  readonly state = 'ready';
  readonly lastError = null;
  readonly nextRetryAt = null;
  readonly info: UpstreamInfo;
  private readonly tools: ReadonlyMap<string, BuiltinTool>;

  constructor(
    private readonly bus: Bus,
    tools: readonly BuiltinTool[],
  ) {
    this.tools = new Map(tools.map((tool) => [tool.name, tool]));
    const capabilities = { tools: {} };
    this.info = {
      era: 'modern',
      protocolVersion: MODERN_VERSIONS[0],
      capabilities,
      serverInfo: SERVER_INFO,
      instructions: INSTRUCTIONS,
      supportedVersions: [...MODERN_VERSIONS],
      raw: JSON.stringify({
        resultType: 'complete',
        supportedVersions: MODERN_VERSIONS,
        capabilities,
        instructions: INSTRUCTIONS,
        _meta: { [ENVELOPE.serverInfo]: SERVER_INFO },
      }),
    };
  }

  /** Whether a caller may know of a tool: the list and the call ask the same question. */
  isVisible(name: string, { role }: Principal): boolean {
    const tool = this.tools.get(name);
    return tool !== undefined && isForRole(tool, role);
  }

  ready(): Promise<UpstreamInfo> {
    return Promise.resolve(this.info);
  }

  async exchange({ message, principal, signal }: Exchange): Promise<string> {
    const body = await this.answer(message, principal, asAbortSignal(signal));
    return `{"jsonrpc":"2.0","id":${message.id ?? 'null'},${body}}`;
  }

  openSubscription({ signal }: Exchange): Promise<string> {
    // The tools never change while the process runs, so nothing is ever told.
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(''), { once: true });
    });
  }

  notify(): void {
    // Nothing here listens.
  }

  onUnsolicited(): () => void {
    return () => undefined;
  }

  onConnected(): () => void {
    return () => undefined;
  }

  endSession(): void {
    // Has no connections.
  }

  private async answer(message: RpcText, principal: Principal, signal: AbortSignal): Promise<string> {
    if (message.method === 'tools/list') {
      return `"result":${JSON.stringify({ resultType: 'complete', tools: [...this.tools.values()].map(describe) })}`;
    }
    if (message.method !== 'tools/call') {
      const error = new AppError('method_not_found', `There is no method "${message.method ?? ''}" here`);
      return `"error":${JSON.stringify(error.toJsonRpc())}`;
    }
    const name = stringParam(message, ['name']) ?? '';
    const tool = this.tools.get(name);
    if (!tool || !isForRole(tool, principal.role)) {
      return `"error":${JSON.stringify(new AppError('tool_not_found', `Unknown tool: ${name}`).toJsonRpc())}`;
    }
    return `"result":${JSON.stringify(await this.call(tool, paramText(message, ['arguments']) ?? '{}', principal, signal))}`;
  }

  private async call(tool: BuiltinTool, args: string, principal: Principal, signal: AbortSignal): Promise<object> {
    try {
      const input = tool.inputSchema.safeParse(JSON.parse(args));
      if (!input.success) throw invalidArguments(input.error);
      const output = await tool.run(input.data, { bus: this.bus, principal, signal });
      const content = [{ type: 'text', text: JSON.stringify(output) }];
      return { resultType: 'complete', content, structuredContent: output };
    } catch (thrown) {
      const { code, detail, hint, errors } = AppError.from(thrown);
      const faults = errors?.map(({ pointer, detail: fault }) => `${pointer}: ${fault}`) ?? [];
      const text = [`${code}: ${detail}`, ...faults, ...(hint === undefined ? [] : [hint])].join('\n');
      return { resultType: 'complete', content: [{ type: 'text', text }], isError: true };
    }
  }
}

function describe({ name, title, description, inputSchema, outputSchema, annotations }: BuiltinTool): object {
  return {
    name,
    title,
    description,
    inputSchema: jsonSchema(inputSchema, 'input'),
    outputSchema: jsonSchema(outputSchema, 'output'),
    annotations: { title, ...annotations },
  };
}

/** A schema whose root says what it is: clients look for `type` there and do not follow a reference. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $ref, $defs = {}, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  const name = $ref?.split('/').at(-1) ?? '';
  const { id: _, ...target } = $defs[name] ?? {};
  return { ...root, ...target, ...(Object.keys($defs).length > 0 ? { $defs } : {}) };
}

function invalidArguments(error: z.ZodError): AppError {
  return new AppError('invalid_arguments', 'The arguments do not match the input schema', {
    errors: error.issues.map(({ path, message }) => ({ pointer: `/${path.join('/')}`, detail: message })),
  });
}
