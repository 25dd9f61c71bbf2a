import { Inject, Injectable } from '@nestjs/common';
import { ENV, Outbound } from '@mcp-router/platform';
import { AppError, isToolAllowed, type Principal } from '@mcp-router/shared';
import { Catalogue } from '../../catalogue/catalogue';
import type { RouterEnv } from '../../config';
import { UpstreamRegistry } from '../../upstreams/upstream-registry';
import { ToolsService } from '../../tools/tools.service';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import type { Effect, EffectContext } from '../engine/host';
import { WorkflowFault } from '../engine/fault';
import type { NewRun, RunRow } from '../engine/run-store';
import { WorkflowsService, type Admission } from '../workflows.service';
import { callAgent, isReadingA2a } from './a2a';
import { Authorizer } from './authorizer';
import { getPrompt, readResource } from './catalogue-reads';
import { callHttp } from './http';
import { callInlineServer, isReadingMcp } from './inline-mcp';
import { InlineProcesses } from './inline-process';
import { askModel } from './llm';
import { ask, type OfferedTool } from './model';
import { callOperation, readOperation } from './openapi';
import type { Operation } from './openapi-operation';
import { isRepeatableRequest } from './send-request';
import { toolOutput } from './tool-output';

/** How long a tool may be missing that was there when the run was started, or when its version was published. */
const TOOL_WAIT_MS = 15_000;
const TOOL_POLL_MS = 50;
const MAX_POLL_MS = 2_000;

/** Carries out the effects of runs, as the one who started the run. */
@Injectable()
export class Performer {
  /** Set by the engine, which is built on this. */
  startChild!: (run: NewRun) => Promise<RunRow>;
  findChild!: (parent: { run: string; path: string }) => Promise<RunRow | undefined>;
  publish!: (event: JsonObject) => Promise<void>;
  private readonly outbound: Outbound;
  private readonly authorizer: Authorizer;
  private readonly processes: InlineProcesses;

  constructor(
    private readonly tools: ToolsService,
    private readonly catalogue: Catalogue,
    private readonly workflows: WorkflowsService,
    private readonly upstreams: UpstreamRegistry,
    @Inject(ENV) private readonly env: RouterEnv,
  ) {
    this.outbound = new Outbound({ allow: env.OUTBOUND_ALLOW });
    this.authorizer = new Authorizer(this.outbound);
    this.processes = new InlineProcesses(upstreams, env);
  }

  isRepeatable(effect: Effect, _principal: Principal): boolean {
    // An event and a run have an id that a second attempt finds.
    if (effect.kind !== 'call') return true;
    const { target, call } = effect.task;
    if (effect.step !== undefined) return true;
    switch (target) {
      case 'http':
        return isRepeatableRequest(effect.args);
      case 'openapi':
        return isRepeatableRequest((effect.args['operation'] ?? {}) as JsonObject);
      case 'a2a':
        return isReadingA2a(effect.args);
      case 'mcp':
        return isReadingMcp(effect.args);
      case 'tool': {
        const hints = this.catalogue.find('tools', call)?.hints;
        return hints?.readOnlyHint === true || hints?.idempotentHint === true;
      }
      default:
        return target === 'llm' || target === 'prompt' || target === 'resource';
    }
  }

  async perform(effect: Effect, context: EffectContext, run: RunRow): Promise<Json> {
    switch (effect.kind) {
      case 'emit':
        await this.publish(effect.event);
        return effect.event;
      case 'run':
        return this.run(effect, context, run);
      case 'call':
        return this.call(effect, context, run);
    }
  }

  private async call(effect: Effect & { kind: 'call' }, context: EffectContext, run: RunRow): Promise<Json> {
    const { task, args, input, step } = effect;
    const { key, signal } = context;
    const { principal } = run;
    const sender = { outbound: this.outbound, authorizer: this.authorizer, key, signal };
    const reading = { catalogue: this.catalogue, upstreams: this.upstreams, principal, signal };
    switch (task.target) {
      case 'tool':
        return this.callTool(task.call, args, context, principal);
      case 'http':
        return callHttp(args, input, sender);
      case 'openapi':
        return step === 'operation'
          ? readOperation(args, sender)
          : callOperation(args['operation'] as Operation, args, sender);
      case 'a2a':
        return callAgent(args, sender);
      case 'mcp':
        return callInlineServer(args, task.with, { ...sender, principal, processes: this.processes }, this.env);
      case 'llm':
        return askModel(this.outbound, this.env, args, signal);
      case 'agent':
        return this.askForTurn(args, principal, signal);
      case 'prompt':
        return getPrompt(args, reading);
      case 'resource':
        return readResource(args, reading);
      default:
        throw WorkflowFault.of('configuration', `\`call: ${task.call}\` is not an effect`);
    }
  }

  private async callTool(
    tool: string,
    args: JsonObject,
    { key, signal }: EffectContext,
    principal: Principal,
  ): Promise<Json> {
    await this.untilOffered(tool, signal);
    const meta = { 'mcp-router/idempotency-key': key };
    const result = await this.tools.call({ tool, arguments: args, meta, principal, signal, endpoint: 'workflow' });
    return toolOutput(result, tool);
  }

  /** One turn of an agent, which is told of the tools that are there at this moment. */
  private askForTurn(args: JsonObject, principal: Principal, signal: AbortSignal): Promise<Json> {
    const { messages, tools, schema, model, temperature, maxTokens } = args;
    const patterns = Array.isArray(tools) ? tools.map(textOf) : [];
    const offered = this.tools
      .visible(principal)
      .filter(({ publicName }) => isToolAllowed({ allow: patterns, deny: [] }, publicName))
      .map(({ publicName, text, hints }): OfferedTool => {
        const { description = '', inputSchema = {} } = JSON.parse(text) as Partial<OfferedTool>;
        return { name: publicName, description, inputSchema, isReadOnly: hints.readOnlyHint === true };
      });
    const question = { model, temperature, maxTokens, messages: messages as JsonObject[], tools: offered };
    return ask(this.outbound, this.env, { ...question, ...(isObject(schema) ? { schema } : {}) }, signal);
  }

  /** After a start the lists of servers come one by one, while runs go on at once. */
  private async untilOffered(tool: string, signal: AbortSignal): Promise<void> {
    const until = Date.now() + TOOL_WAIT_MS;
    while (!this.catalogue.find('tools', tool) && Date.now() < until && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, TOOL_POLL_MS));
  }

  /**
   * Whether a run of a version may begin; asked again for a while as long as only servers are missing, which may be
   * starting.
   *
   * @throws WorkflowFault when it may not
   */
  async admit(
    ref: { namespace: string; name: string; version: string },
    principal: Principal,
    signal?: AbortSignal,
  ): Promise<Admission> {
    const until = Date.now() + TOOL_WAIT_MS;
    for (let pause = TOOL_POLL_MS; ; pause = Math.min(pause * 2, MAX_POLL_MS)) {
      try {
        return await this.workflows.admit(ref, principal);
      } catch (thrown) {
        const refusal = refusalOf(thrown, `${ref.namespace}/${ref.name} ${ref.version}`);
        if (!refusal) throw thrown;
        if (!missesServers(thrown) || Date.now() > until || signal?.aborted) throw refusal;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  private async run(
    { workflow }: Effect & { kind: 'run' },
    { path, signal }: EffectContext,
    { id, principal }: RunRow,
  ): Promise<Json> {
    const { input, ...ref } = workflow;
    const parent = { run: id, path: `${path}/result` };
    const start = async () => this.startChild({ ...(await this.admit(ref, principal, signal)), input, parent });
    const row = await start().catch(async (refusal: unknown) => {
      // It may have been started before a crash, when it could still be.
      const known = await this.findChild(parent);
      if (known) return known;
      throw refusal;
    });
    return { run: row.id };
  }
}

/** What keeps a run from beginning, as a fault of the standard; undefined when it is not about the workflow. */
function refusalOf(thrown: unknown, what: string): WorkflowFault | undefined {
  if (!(thrown instanceof AppError)) return undefined;
  const { code, detail, errors = [] } = thrown;
  if (code === 'not_found' || code === 'conflict')
    return WorkflowFault.of('configuration', `There is no published workflow ${what}`);
  if (code !== 'invalid_request') return undefined;
  const faults = errors.slice(0, 3).map((fault) => `${fault.pointer} ${fault.detail}`);
  return WorkflowFault.of('validation', `${what}: ${[detail, ...faults].join('. ')}`);
}

/** Whether servers and tools that are not there are all that is wrong. */
function missesServers(thrown: unknown): boolean {
  const errors = (thrown instanceof AppError ? thrown.errors : undefined) ?? [];
  return errors.length > 0 && errors.every(({ detail }) => /^WF40[12]:/.test(detail));
}
