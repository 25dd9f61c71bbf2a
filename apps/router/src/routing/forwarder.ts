import { isFeatureEnabled } from '@mcp-router/platform';
import { AppError, ENVELOPE, type RpcText } from '@mcp-router/shared';
import type { CatalogueItem } from '../catalogue/catalogue-item';
import { answerQuestions } from '../translation/answering';
import { withEnvelope, withoutEnvelope, withoutInput } from '../translation/envelope';
import { callAsTask, needsTask } from '../translation/task-call';
import { checkHeaderParams, headersFor, scanHeaderParams, type HeaderParam } from '../translation/header-params';
import { Parking } from '../translation/parking';
import { withServerInfo } from '../translation/results';
import type { Exchange, Upstream } from '../upstreams/upstream';
import type { Call, LegacyCall, ModernCall } from './call';
import { SERVER_INFO } from './endpoint';
import type { LinkOwners } from './link-owners';
import { levelIn, type LogLevels } from './log-levels';
import type { TaskOwners } from './task-owners';
import { continueTrace } from './trace';

/** An answer that makes a task says little more than that. */
const MAX_TASK_LENGTH = 65_536;

/** What a legacy client that never set a level is sent: servers of its era choose themselves, new ones say nothing unasked. */
const DEFAULT_LOG_LEVEL = 'info';

const OUR_INFO = JSON.stringify(SERVER_INFO);

type Declared = readonly HeaderParam[];

/** Carries requests to servers and their answers back, each side in its own era. */
export class Forwarder {
  private readonly headerParams = new WeakMap<CatalogueItem, readonly HeaderParam[]>();

  constructor(
    private readonly parking: Parking,
    private readonly levels: LogLevels,
    private readonly tasks: TaskOwners,
    private readonly links: LinkOwners,
  ) {}

  /** Carries a request to a server, each in its own era. */
  async forward(call: Call, upstream: Upstream, request: RpcText, item?: CatalogueItem): Promise<string> {
    if (!isFeatureEnabled('ROUTER_SERVICES')) {
      throw new AppError('upstream_unavailable', 'Calls are switched off for maintenance');
    }
    const info = upstream.info ?? (await upstream.ready(call.signal));
    const message = continueTrace(request);
    const declared = item ? this.headerParamsOf(item) : [];
    if (declared.length > 0 && call.era === 'modern' && message.params) {
      checkHeaderParams(declared, message.text, message.params.start, call.headers);
    }
    const response =
      call.era === 'legacy'
        ? await this.forwardLegacy(call, upstream, message, info.era === 'modern', declared)
        : await this.forwardModern(call, upstream, message, info.era === 'legacy', declared, item);
    if (response.length < MAX_TASK_LENGTH && response.includes('"taskId"'))
      this.tasks.learn(response, upstream.slug, call.principal, call.session?.id);
    if (call.endpoint !== upstream.slug) this.links.learn(response, upstream.slug, call.principal);
    // On the aggregate it is the router that answers; a server's own name is on its own endpoint.
    if (call.endpoint !== upstream.slug && info.era === 'modern' && response.includes(ENVELOPE.serverInfo))
      return withServerInfo(response, OUR_INFO);
    return response;
  }

  private forwardLegacy(
    call: LegacyCall,
    upstream: Upstream,
    message: RpcText,
    toModern: boolean,
    declared: Declared,
  ): Promise<string> {
    const { capabilities, clientInfo } = call.session.client;
    const exchange: Exchange = {
      principal: call.principal,
      sessionKey: call.session.id,
      clientCapabilities: capabilities,
      message,
      signal: call.signal,
      timing: call,
      onMessage: (incoming, server) => call.take(incoming, server),
    };
    if (!toModern) return upstream.exchange(exchange);
    const envelope = { capabilities, clientInfo, logLevel: JSON.stringify(call.session.logLevel ?? DEFAULT_LOG_LEVEL) };
    return answerQuestions(call, withEnvelope(message, envelope), (round) =>
      upstream.exchange({ ...exchange, message: round, ...headersOf(declared, round, call.headers) }),
    );
  }

  private async forwardModern(
    call: ModernCall,
    upstream: Upstream,
    message: RpcText,
    toLegacy: boolean,
    declared: Declared,
    item: CatalogueItem | undefined,
  ): Promise<string> {
    const exchange: Exchange = {
      principal: call.principal,
      clientCapabilities: call.envelope.capabilities,
      message,
      signal: call.signal,
      timing: call,
      onMessage: (incoming, server) => call.take(incoming, server),
    };
    if (!toLegacy) return upstream.exchange({ ...exchange, ...headersOf(declared, message, call.headers) });
    if (Parking.isRetry(call)) return this.parking.resume(call);
    const { logLevel, capabilities: clientCapabilities } = call.envelope;
    if (logLevel !== undefined)
      await this.levels.want(upstream, levelIn(logLevel), { principal: call.principal, clientCapabilities });
    const bare = withoutInput(withoutEnvelope(message));
    return this.parking.start(call, (onMessage, signal) => {
      const send = { ...exchange, message: bare, onMessage, signal };
      return item && needsTask(item.text) ? callAsTask(upstream, send) : upstream.exchange(send);
    });
  }

  /** The arguments of a tool that travel as `Mcp-Param-*` headers too. */
  private headerParamsOf(item: CatalogueItem): readonly HeaderParam[] {
    let declared = this.headerParams.get(item);
    if (!declared) this.headerParams.set(item, (declared = scanHeaderParams(item.text)));
    return declared;
  }
}

function headersOf(
  declared: Declared,
  { text, params }: RpcText,
  given: Record<string, string> | undefined,
): Pick<Exchange, 'headers'> {
  const headers = params ? headersFor(declared, text, params.start, given) : given;
  return headers === undefined ? {} : { headers };
}
