import { Inject, Injectable } from '@nestjs/common';
import { ENV, Outbound } from '@mcp-router/platform';
import type { Principal } from '@mcp-router/shared';
import { Catalogue } from '../../catalogue/catalogue';
import type { RouterEnv } from '../../config';
import { ToolsService } from '../../tools/tools.service';
import type { Json, JsonObject } from '../definition/json';
import type { Effect, EffectContext } from '../engine/host';
import { WorkflowFault } from '../engine/fault';
import type { NewRun, RunRow } from '../engine/run-store';
import { VersionStore } from '../version-store';
import { callHttp, isRepeatableRequest } from './http';
import { askModel } from './llm';
import { toolOutput } from './tool-output';

/** How long a tool may be missing that was there when the run was started. */
const TOOL_WAIT_MS = 15_000;
const TOOL_POLL_MS = 50;

/** Carries out the effects of runs, as the one who started the run. */
@Injectable()
export class Performer {
  /** Set by the engine, which is built on this. */
  startChild!: (run: NewRun) => Promise<RunRow>;
  publish!: (event: JsonObject) => Promise<void>;
  private readonly outbound: Outbound;

  constructor(
    private readonly tools: ToolsService,
    private readonly catalogue: Catalogue,
    private readonly versions: VersionStore,
    @Inject(ENV) private readonly env: RouterEnv,
  ) {
    this.outbound = new Outbound({ allow: env.OUTBOUND_ALLOW });
  }

  isRepeatable(effect: Effect, _principal: Principal): boolean {
    // An event and a run have an id that a second attempt finds.
    if (effect.kind !== 'call') return true;
    const { target, call } = effect.task;
    if (target === 'http') return isRepeatableRequest(effect.args);
    if (target === 'llm' || target === 'prompt' || target === 'resource') return true;
    if (target !== 'tool') return false;
    const hints = this.catalogue.find('tools', call)?.hints;
    return hints?.readOnlyHint === true || hints?.idempotentHint === true;
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

  private async call(
    { task, args, input }: Effect & { kind: 'call' },
    { key, signal }: EffectContext,
    { principal }: RunRow,
  ): Promise<Json> {
    switch (task.target) {
      case 'tool': {
        await this.untilOffered(task.call, signal);
        const meta = { 'mcp-router/idempotency-key': key };
        const result = await this.tools.call({
          tool: task.call,
          arguments: args,
          meta,
          principal,
          signal,
          endpoint: 'workflow',
        });
        return toolOutput(result, task.call);
      }
      case 'http':
        return callHttp(this.outbound, args, input, { key, signal });
      case 'llm':
        return askModel(this.outbound, this.env, args, signal);
      default:
        throw WorkflowFault.of('configuration', `\`call: ${task.call}\` is not available in this release`);
    }
  }

  /** After a start the lists of servers come one by one, while runs go on at once. */
  private async untilOffered(tool: string, signal: AbortSignal): Promise<void> {
    const until = Date.now() + TOOL_WAIT_MS;
    while (!this.catalogue.find('tools', tool) && Date.now() < until && !signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, TOOL_POLL_MS));
  }

  private async run({ workflow }: Effect & { kind: 'run' }, { path }: EffectContext, parent: RunRow): Promise<Json> {
    const { namespace, name, version, input } = workflow;
    const found = await this.versions.find(namespace, name, version);
    if (!found || found.status !== 'published')
      throw WorkflowFault.of('configuration', `There is no published workflow ${namespace}/${name} ${version}`);
    const row = await this.startChild({
      versionId: found.id,
      namespace,
      name,
      version: found.version,
      principal: parent.principal,
      input,
      parent: { run: parent.id, path: `${path}/result` },
    });
    return { run: row.id };
  }
}
