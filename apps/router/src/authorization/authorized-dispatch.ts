import type { Dispatcher } from 'undici';
import type { Authorizer } from './authorizer';
import type { Challenge } from './grant';

type Headers = Record<string, string | string[] | undefined>;

/** A token that the server refuses is renewed; one with more scopes may be asked for after that. */
const MAX_RENEWALS = 2;
const MAX_KEPT_BYTES = 65_536;

/**
 * Puts the token of a server into each request and, when the server refuses it, asks again with a new one. A request that
 * was answered with 401 or 403 was not carried out, so that any may be sent again.
 */
export function authorized(authorizer: Authorizer): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const send = (renewals: number): void => {
      const { header } = authorizer;
      const given = options.headers as string[];
      const headers = header === undefined ? given : [...given, 'authorization', header];
      dispatch({ ...options, headers }, new Attempt(handler, authorizer, header, renewals, send));
    };
    const loading = authorizer.load();
    if (loading) void loading.then(() => send(MAX_RENEWALS));
    else send(MAX_RENEWALS);
    return true;
  };
}

/** One sending: passes the answer on, but for a refusal that a new token may change. */
class Attempt implements Dispatcher.DispatchHandler {
  private refusal: { challenge: Challenge; status: number; headers: Headers; message: string | undefined } | undefined;
  private chunks: Buffer[] = [];
  private size = 0;

  constructor(
    private readonly handler: Dispatcher.DispatchHandler,
    private readonly authorizer: Authorizer,
    private readonly header: string | undefined,
    private readonly renewalsLeft: number,
    private readonly again: (renewalsLeft: number) => void,
  ) {}

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.handler.onRequestStart?.(controller, context);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers, message?: string): void {
    if (status !== 401) this.authorizer.taken(this.header);
    const challenge = this.renewalsLeft > 0 ? challengeIn(status, headers['www-authenticate']) : undefined;
    if (challenge) this.refusal = { challenge, status, headers, message };
    else this.handler.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.refusal) return this.handler.onResponseData?.(controller, chunk);
    this.size += chunk.length;
    if (this.size <= MAX_KEPT_BYTES) this.chunks.push(chunk);
    else controller.abort(new Error('The refusal is too long'));
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: Headers): void {
    const { refusal, handler } = this;
    if (!refusal) return handler.onResponseEnd?.(controller, trailers);
    void this.authorizer.renew(refusal.challenge, this.header).then((isRenewed) => {
      if (isRenewed) return this.again(this.renewalsLeft - 1);
      handler.onResponseStart?.(controller, refusal.status, refusal.headers, refusal.message);
      for (const chunk of this.chunks) handler.onResponseData?.(controller, chunk);
      handler.onResponseEnd?.(controller, trailers);
    });
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.handler.onResponseError?.(controller, error);
  }
}

/** @returns what a refusal asks for; undefined when a token would change nothing */
export function challengeIn(status: number, header: string | string[] | undefined): Challenge | undefined {
  if (status !== 401 && status !== 403) return undefined;
  const text = Array.isArray(header) ? header.find((one) => /^bearer\b/i.test(one)) : header;
  const field = (name: string): string | undefined => {
    const [, quoted, bare] = new RegExp(`(?:^|[\\s,])${name}=(?:"([^"]*)"|([^\\s,]+))`, 'i').exec(text ?? '') ?? [];
    return quoted ?? bare;
  };
  if (status === 403 && field('error') !== 'insufficient_scope') return undefined;
  const scope = field('scope');
  const resourceMetadataUrl = field('resource_metadata');
  return {
    status,
    ...(scope !== undefined && scope !== '' && { scope }),
    ...(resourceMetadataUrl !== undefined && URL.canParse(resourceMetadataUrl) && { resourceMetadataUrl }),
  };
}
