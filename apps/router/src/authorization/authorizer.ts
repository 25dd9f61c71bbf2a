import { randomBytes } from 'node:crypto';
import { readText, type Outbound } from '@mcp-router/platform';
import { AppError, type OAuthOptions, type ServerAuthorization } from '@mcp-router/shared';
import type { AddClientAuthentication } from '@modelcontextprotocol/client';
import { isWithin, newGrant, union, type Challenge, type Flow, type Grant } from './grant';
import { GrantClient, SignInNeeded } from './grant-client';
import type { GrantStore } from './grant-store';

const FETCH_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 262_144;
const FLOW_TTL_MS = 600_000;
/** A token that was refused as soon as it was there, or an authorization server that gave none, is not tried again at once. */
const PAUSE_MS = 5_000;

export interface AuthorizerOptions {
  slug: string;
  url: string;
  oauth: OAuthOptions;
  outbound: Outbound;
  store: GrantStore;
}

export interface SignInRequest {
  redirectUri: string;
  clientMetadataUrl?: string | undefined;
}

/** Gets, keeps and renews the tokens of one server: OAuth 2.1 as the authorization part of MCP asks of clients. */
export class Authorizer {
  /** `Authorization` of the next request; undefined without a token. */
  header: string | undefined;
  private state: ServerAuthorization['state'] = 'unknown';
  private detail: string | undefined;
  private loading: Promise<void> | undefined;
  private isLoaded = false;
  private renewing: Promise<boolean> | undefined;
  private pausedUntil = 0;
  /** The server has taken the token that there is now. */
  private isTaken = false;
  /** Of `client_credentials`: such tokens are got anew rather than stored. */
  private own: Grant;

  constructor(private readonly options: AuthorizerOptions) {
    this.own = newGrant(options.url);
  }

  get isInteractive(): boolean {
    return this.options.oauth.grant !== 'client_credentials';
  }

  get view(): ServerAuthorization {
    return {
      grant: this.isInteractive ? 'authorization_code' : 'client_credentials',
      state: this.state,
      ...(this.detail !== undefined && { detail: this.detail }),
    };
  }

  /** Reads what was granted before; undefined once that is done. */
  load(): Promise<void> | undefined {
    if (!this.isInteractive || this.isLoaded) return undefined;
    this.loading ??= this.options.store
      .read(this.options.slug)
      .then((grant) => {
        this.isLoaded = true;
        this.use(this.current(grant));
      })
      .catch(() => undefined)
      .finally(() => (this.loading = undefined));
    return this.loading;
  }

  /** The server did not refuse a request with this header. */
  taken(header: string | undefined): void {
    if (header === this.header) this.isTaken = true;
  }

  /** Forgets what is in memory: another replica, or a person, has changed what is stored. */
  reset(): void {
    this.isLoaded = false;
    this.header = undefined;
    this.state = 'unknown';
    this.detail = undefined;
    this.pausedUntil = 0;
    this.own = newGrant(this.options.url);
  }

  /**
   * The server refused a request.
   *
   * @param used the header that it had
   * @returns whether it is worth asking again: `header` is another now
   */
  renew(challenge: Challenge, used: string | undefined): Promise<boolean> {
    if (this.header !== undefined && this.header !== used) return Promise.resolve(true);
    if (Date.now() < this.pausedUntil) return Promise.resolve(false);
    this.renewing ??= (this.isInteractive ? this.renewGranted(challenge, used) : this.renewOwn(challenge))
      .catch((error: unknown) => this.giveUp(error))
      .finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  /** Begins a sign-in. What is granted now stays in force until it is finished. */
  begin({ redirectUri, clientMetadataUrl }: SignInRequest): Promise<{ authorizationUrl: string; expiresAt: string }> {
    const { slug, oauth, url } = this.options;
    return this.options.store.change(slug, async (stored, replace) => {
      const grant = this.current(stored) ?? newGrant(url);
      // A registration holds for the address that was registered with it.
      if (grant.redirectUri !== redirectUri) grant.clients = {};
      grant.redirectUri = redirectUri;
      if (clientMetadataUrl === undefined) delete grant.clientMetadataUrl;
      else grant.clientMetadataUrl = clientMetadataUrl;
      replace(grant);
      const startedAt = Date.now();
      const flow: Flow = { state: randomBytes(32).toString('base64url'), startedAt, codeVerifier: '' };
      const client = new GrantClient(oauth, grant, flow);
      const { challenge } = grant;
      // Scopes that were granted before must not be lost when more are asked for.
      const scope = challenge?.status === 403 ? union(grant.scope, challenge.scope) : challenge?.scope;
      await this.authorize(client, { challenge, scope, forceReauthorization: true });
      if (!client.authorizationUrl) throw new Error('The authorization has no address');
      const asked = client.authorizationUrl.searchParams.get('scope');
      if (asked === null) delete grant.scope;
      else grant.scope = asked;
      grant.flow = flow;
      const expiresAt = new Date(startedAt + FLOW_TTL_MS).toISOString();
      return { authorizationUrl: client.authorizationUrl.href, expiresAt };
    });
  }

  /** @throws AppError when the sign-in was refused, is too old, or the code is not taken */
  async finish(answer: { state: string; code?: string; iss?: string; error?: string }): Promise<void> {
    const { slug, oauth } = this.options;
    await this.options.store.change(slug, async (stored) => {
      const grant = this.current(stored);
      const flow = grant?.flow;
      if (!grant || flow?.state !== answer.state || Date.now() > flow.startedAt + FLOW_TTL_MS)
        throw new AppError('not_found', 'This sign-in is unknown or too old', { hint: 'Begin again' });
      // Whatever comes of it, it is used once.
      delete grant.flow;
      if (answer.error !== undefined || answer.code === undefined)
        throw new AppError('forbidden', `The authorization server refused: ${answer.error ?? 'no code'}`);
      const { code, iss } = answer;
      await this.authorize(new GrantClient(oauth, grant, flow), {
        challenge: grant.challenge,
        scope: grant.scope,
        authorizationCode: code,
        ...(iss !== undefined && { iss }),
      });
      delete grant.challenge;
    });
  }

  private async renewOwn(challenge: Challenge): Promise<boolean> {
    const { own } = this;
    // One that is refused from the start is refused for another reason, which a new one would not change.
    if (this.header !== undefined && !this.isTaken && isWithin(challenge.scope, own.scope))
      throw new Error('The server refuses the token that it asked for');
    const scope = union(challenge.status === 403 ? own.scope : undefined, challenge.scope);
    const { oauth } = this.options;
    await this.authorize(new GrantClient(oauth, own, undefined, await signerOf(oauth)), { challenge, scope });
    if (scope !== undefined) own.scope = scope;
    return this.use(own);
  }

  private renewGranted(challenge: Challenge, used: string | undefined): Promise<boolean> {
    const { slug, oauth, url } = this.options;
    return this.options.store.change(slug, async (stored, replace) => {
      const grant = this.current(stored) ?? newGrant(url);
      // Another replica has renewed it, or somebody has signed in.
      if (grant.tokens && headerOf(grant) !== used) return this.use(grant);
      replace(grant);
      if (challenge.status === 403 && isWithin(challenge.scope, grant.scope))
        throw new AppError('forbidden', 'The server wants more than what it asked for and was granted');
      grant.challenge = challenge;
      if (challenge.status === 403 || grant.tokens?.refresh_token === undefined) throw new SignInNeeded();
      await this.authorize(new GrantClient(oauth, grant, undefined), { challenge });
      delete grant.challenge;
      return this.use(grant);
    });
  }

  private async authorize(
    client: GrantClient,
    {
      challenge,
      scope,
      ...rest
    }: {
      challenge: Challenge | undefined;
      scope?: string | undefined;
      authorizationCode?: string;
      iss?: string;
      forceReauthorization?: boolean;
    },
  ): Promise<void> {
    // Few installations need it, and it takes a while to load.
    const { auth } = await import('@modelcontextprotocol/client');
    const { url } = this.options;
    try {
      await auth(client, {
        serverUrl: url,
        fetchFn: this.fetch,
        ...(scope !== undefined && { scope }),
        ...(challenge?.resourceMetadataUrl !== undefined && {
          resourceMetadataUrl: new URL(challenge.resourceMetadataUrl),
        }),
        ...rest,
      });
    } catch (error) {
      if (error instanceof SignInNeeded || error instanceof AppError) throw error;
      throw new AppError('upstream_error', `No authorization: ${(error as Error).message.slice(0, 500)}`, {
        cause: error,
      });
    }
  }

  /** Bounded in time and size, and guarded like every request that leaves. */
  private readonly fetch = async (url: string | URL, init: object = {}): Promise<Response> => {
    const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS);
    const answer = await this.options.outbound.fetch(url, { ...init, signal });
    const text = await readText(answer, MAX_ANSWER_BYTES);
    const hasBody = ![204, 205, 304].includes(answer.status);
    return new Response(hasBody ? text : null, { status: answer.status, headers: [...answer.headers] });
  };

  /** What is stored, if it is for this address. */
  private current(grant: Grant | undefined): Grant | undefined {
    return grant?.url === this.options.url ? grant : undefined;
  }

  private use(grant: Grant | undefined): boolean {
    if (!grant?.tokens) return false;
    if (this.header !== headerOf(grant)) this.isTaken = false;
    this.header = headerOf(grant);
    this.state = 'granted';
    this.detail = undefined;
    return true;
  }

  private giveUp(error: unknown): false {
    if (error instanceof SignInNeeded) {
      this.state = 'needed';
      this.detail = `Somebody has to sign in: POST /api/v1/servers/${this.options.slug}/authorization`;
      return false;
    }
    this.state = 'refused';
    this.detail = error instanceof AppError ? error.detail : (error as Error).message;
    this.pausedUntil = Date.now() + PAUSE_MS;
    if (!this.isInteractive) this.header = undefined;
    return false;
  }
}

function headerOf({ tokens }: Grant): string {
  return `Bearer ${tokens?.access_token ?? ''}`;
}

async function signerOf({
  clientId,
  privateKey,
  algorithm = 'ES256',
}: OAuthOptions): Promise<AddClientAuthentication | undefined> {
  if (clientId === undefined || privateKey === undefined) return undefined;
  const { createPrivateKeyJwtAuth } = await import('@modelcontextprotocol/client');
  return createPrivateKeyJwtAuth({ issuer: clientId, subject: clientId, privateKey, alg: algorithm });
}
