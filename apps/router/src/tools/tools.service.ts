import { Injectable } from '@nestjs/common';
import {
  AppError,
  isToolAllowed,
  memberAt,
  SYSTEM_PRINCIPAL,
  type Principal,
  type ToolResult,
} from '@mcp-router/shared';
import { Catalogue } from '../catalogue/catalogue';
import type { CatalogueItem } from '../catalogue/catalogue-item';
import { CallRecorder, failureOf, outcomeOfResult } from '../calls/call-recorder';
import { Quarantine } from '../quarantine/quarantine';
import { modernEnvelope } from '../upstreams/handshake';
import { outcomeOf, requestText } from '../upstreams/message';
import { headersFor, scanHeaderParams } from '../translation/header-params';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { ArgumentCheck } from './argument-check';

export interface ToolCallRequest {
  /** Public name. */
  tool: string;
  arguments: Record<string, unknown>;
  timeoutMs?: number | undefined;
  meta?: Record<string, unknown> | undefined;
  principal: Principal;
  signal: AbortSignal;
  /** As the call log names it: `rest`, `workflow`. */
  endpoint: string;
}

/** Calls of tools that do not come through the MCP door: REST and workflows. */
@Injectable()
export class ToolsService {
  private readonly check = new ArgumentCheck();

  constructor(
    private readonly catalogue: Catalogue,
    private readonly upstreams: UpstreamRegistry,
    private readonly recorder: CallRecorder,
    private readonly quarantine: Quarantine,
  ) {}

  /** The tools that a principal may see, by public name, in order. The system itself, which judges them, sees held ones too. */
  visible(principal: Principal): CatalogueItem[] {
    const { items } = this.catalogue.list('tools');
    const seesHeld = principal.agentId === SYSTEM_PRINCIPAL.agentId;
    return items.filter(
      ({ publicName, server, name }) =>
        isToolAllowed(principal.policy, publicName) && (seesHeld || !this.quarantine.isHeld(server, name)),
    );
  }

  /** @throws AppError `tool_not_found`, also for a tool that the principal may not use */
  get(name: string, principal: Principal): CatalogueItem {
    const tool = this.catalogue.find('tools', name);
    if (!tool || !isToolAllowed(principal.policy, name))
      throw new AppError('tool_not_found', `No server offers the tool "${name.slice(0, 128)}"`);
    return tool;
  }

  /** Like `get`, of a tool that may be used now. @throws AppError `tool_not_found`, `tool_held` */
  async admitted(publicName: string, principal: Principal, signal: AbortSignal): Promise<CatalogueItem> {
    const { server, name } = this.get(publicName, principal);
    if (this.quarantine.isHeld(server, name)) await this.quarantine.admit(server, name, true, signal);
    return this.get(publicName, principal);
  }

  /**
   * Calls one tool after its arguments were checked. A tool's own failure is a result with `isError`.
   *
   * @throws AppError `tool_not_found`, `tool_held`, `invalid_arguments`, `upstream_error` (the server answered with a
   * JSON-RPC error), and what `Upstream.exchange` throws
   */
  async call(request: ToolCallRequest): Promise<ToolResult> {
    const startedAt = performance.now();
    const argumentsText = JSON.stringify(request.arguments);
    let upstreamMs: number | undefined;
    let result = '';
    let error: AppError | undefined;
    let server: string | undefined;
    try {
      server = this.catalogue.find('tools', request.tool)?.server;
      const tool = await this.admitted(request.tool, request.principal, request.signal);
      this.check.check(tool.publicName, inputSchemaOf(tool), request.arguments);
      const sentAt = performance.now();
      try {
        result = await this.send(tool, request);
      } finally {
        upstreamMs = performance.now() - sentAt;
      }
      return JSON.parse(result) as ToolResult;
    } catch (cause) {
      error = AppError.from(cause);
      throw error;
    } finally {
      this.recorder.record({
        endpoint: request.endpoint,
        method: 'tools/call',
        server,
        tool: request.tool.slice(0, 128),
        argumentsText,
        ...(error ? failureOf(error, { isThere: server !== undefined }) : { outcome: outcomeOfResult(result) }),
        startedAt,
        upstreamMs,
        requestBytes: Buffer.byteLength(argumentsText),
        responseBytes: Buffer.byteLength(result),
        responseText: result,
        principal: request.principal,
      });
    }
  }

  private async send(
    tool: CatalogueItem,
    { arguments: args, meta, timeoutMs, principal, signal }: ToolCallRequest,
  ): Promise<string> {
    const upstream = this.upstreams.get(tool.server);
    if (!upstream) throw new AppError('upstream_unavailable', `The server "${tool.server}" is being removed`);
    const { era, protocolVersion } = await upstream.ready(signal);
    const envelope = era === 'modern' ? modernEnvelope(protocolVersion) : {};
    const message = requestText('1', 'tools/call', {
      name: tool.name,
      arguments: args,
      ...(era === 'modern' || meta ? { _meta: { ...meta, ...envelope } } : {}),
    });
    const declared = era === 'modern' ? scanHeaderParams(tool.text) : [];
    const response = await upstream.exchange({
      message,
      headers: headersFor(declared, message.text, message.params?.start ?? 0, undefined) ?? {},
      ...(timeoutMs !== undefined && { timeoutMs }),
      principal,
      signal,
    });
    const outcome = outcomeOf(response);
    if ('error' in outcome) {
      const { code, message, data } = outcome.error;
      throw new AppError('upstream_error', `"${tool.server}" answered: ${message}`, {
        data: { upstreamCode: code, ...(data !== undefined && { upstreamData: data }) },
      });
    }
    if (outcome.result.includes('"input_required"') && resultTypeOf(outcome.result) === 'input_required')
      throw new AppError(
        'missing_capability',
        `"${tool.publicName}" asks its caller something, which is not possible here`,
        {
          hint: 'Call it over MCP with a client that supports elicitation',
        },
      );
    return outcome.result;
  }
}

function inputSchemaOf({ text }: CatalogueItem): string {
  const member = memberAt(text, ['inputSchema']);
  return member ? text.slice(member.start, member.end) : '{}';
}

function resultTypeOf(result: string): unknown {
  const member = memberAt(result, ['resultType']);
  return member && JSON.parse(result.slice(member.start, member.end));
}
