import type { Outbound } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import { hostEnvironment } from '../../config';
import { LogRing } from '../../processes/log-ring';
import type { Reaper } from '../../processes/reaper';
import { toSpec, type SpecDefaults } from '../../servers/server-spec';
import { Bulkhead } from '../../upstreams/bulkhead';
import { connect } from '../../upstreams/connect';
import { ConnectionLost, type Connection, type OnStray } from '../../upstreams/connection';
import type { Introduction } from '../../upstreams/handshake';
import { isObject, textOf, type Json, type JsonObject } from '../definition/json';
import { WorkflowFault } from '../engine/fault';

export interface ProcessLimits extends SpecDefaults {
  MAX_QUEUED_CALLS: number;
  MAX_MESSAGE_BYTES: number;
}

/** How a request to a server that a task names is made. */
export interface InlineTerms {
  /** Whether the server is spoken to in the new era; in the old one `initialize` goes first. */
  isModern: boolean;
  introduction: Introduction;
  callTimeoutMs: number;
  onStray: OnStray;
  outbound: Outbound;
  signal: AbortSignal;
}

/** As much of the last line on stderr as a fault repeats. */
const MAX_LAST_WORDS = 300;

/**
 * Servers that are processes for one request of a task. The same supervision as of registered ones ends them with all
 * that they have started, also when the router is killed; and there are never more at once than of one registered server.
 */
export class InlineProcesses {
  private readonly places: Bulkhead;

  constructor(
    private readonly upstreams: { readonly reaper: Reaper },
    private readonly limits: ProcessLimits,
  ) {
    this.places = new Bulkhead(limits.MAX_INSTANCES, limits.MAX_QUEUED_CALLS);
  }

  /**
   * @param written `transport.stdio` of the definition: what is started is what an administrator published
   * @param environment its values, in which expressions may have been
   * @throws WorkflowFault `configuration`; AppError `upstream_unavailable`, `upstream_timeout`, `upstream_overloaded`
   */
  async use<T>(
    written: JsonObject,
    environment: Json | undefined,
    terms: InlineTerms,
    ask: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const { command, arguments: args = [] } = written;
    if (typeof command !== 'string' || !Array.isArray(args))
      throw WorkflowFault.of('configuration', 'The command and its arguments stand in the definition as they are');
    const env = Object.fromEntries(
      Object.entries(isObject(environment) ? environment : {}).map(([name, value]) => [name, textOf(value)]),
    );
    const definition = { command, args: args.map(textOf), env, callTimeoutMs: terms.callTimeoutMs };
    const spec = toSpec('inline', definition, this.limits, hostEnvironment, false);
    const logs = new LogRing(spec.secrets);
    await this.places.enter(terms.signal);
    try {
      const connection = await connect({
        spec,
        capabilities: '{}',
        introduction: terms.introduction,
        memory: { known: terms.isModern ? 'modern' : undefined, diesOfProbe: !terms.isModern },
        onLateModern: () => undefined,
        dispatcher: terms.outbound.dispatcher,
        reaper: this.upstreams.reaper,
        logs,
        maxMessageBytes: this.limits.MAX_MESSAGE_BYTES,
        onStray: terms.onStray,
        signal: terms.signal,
      });
      return await ask(connection).finally(() => connection.close());
    } catch (error) {
      throw withLastWords(error, logs);
    } finally {
      this.places.leave();
    }
  }
}

/** Nobody else shows what a process of one request wrote, so a fault repeats its last line. */
function withLastWords(error: unknown, logs: LogRing): unknown {
  const lines = logs.read().split('\n');
  const last = lines.findLast((line) => line.trim() !== '' && !line.startsWith('[mcp-router]'))?.trim();
  if (last === undefined) return error;
  const words = last.slice(0, MAX_LAST_WORDS);
  if (error instanceof ConnectionLost) return new ConnectionLost(`${error.reason}: ${words}`, error.sent);
  if (error instanceof AppError && error.code === 'upstream_unavailable')
    return new AppError(error.code, `${error.detail}: ${words}`, { cause: error });
  return error;
}
