import type {
  AddClientAuthentication,
  OAuthClientInformationContext,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { AppError, type OAuthOptions } from '@mcp-router/shared';
import type { Flow, Grant } from './grant';

/** The next step is a person's: nothing that the router holds gets it a token. */
export class SignInNeeded extends Error {}

/** The router as an OAuth client of one server: reads and writes its grant, and takes part in at most one sign-in. */
export class GrantClient implements OAuthClientProvider {
  /** Where a person has to go, once that is known. */
  authorizationUrl: URL | undefined;
  readonly clientMetadataUrl?: string;
  readonly addClientAuthentication?: AddClientAuthentication;
  readonly prepareTokenRequest?: (scope?: string) => URLSearchParams;

  /** @param flow the sign-in that is begun or finished; without one a step that needs a person throws SignInNeeded */
  constructor(
    private readonly options: OAuthOptions,
    private readonly grant: Grant,
    private readonly flow: Flow | undefined,
    signer?: AddClientAuthentication,
  ) {
    const metadataUrl = options.clientMetadataUrl ?? grant.clientMetadataUrl;
    if (metadataUrl !== undefined) this.clientMetadataUrl = metadataUrl;
    if (signer) this.addClientAuthentication = signer;
    if (options.grant === 'client_credentials')
      this.prepareTokenRequest = (scope) =>
        new URLSearchParams({ grant_type: 'client_credentials', ...(scope !== undefined && { scope }) });
  }

  get redirectUrl(): string | undefined {
    return this.options.grant === 'client_credentials' ? undefined : this.grant.redirectUri;
  }

  get clientMetadata(): OAuthClientMetadata {
    const { scope } = this.options;
    return { ...clientMetadata(this.redirectUrl), ...(scope !== undefined && { scope }) } as OAuthClientMetadata;
  }

  state(): string {
    return this.flow?.state ?? '';
  }

  clientInformation(context?: OAuthClientInformationContext): StoredOAuthClientInformation | undefined {
    const { clientId, clientSecret, issuer = this.grant.boundIssuer } = this.options;
    const asked = context?.issuer;
    if (clientId === undefined) return asked === undefined ? undefined : this.grant.clients[asked];
    if (asked !== undefined && issuer !== undefined && !isSameIssuer(asked, issuer))
      throw new AppError('upstream_error', `The server now names the authorization server ${asked.slice(0, 200)}`, {
        hint: `The credentials are for ${issuer}; set "oauth.issuer" if that has changed`,
      });
    return {
      client_id: clientId,
      ...(clientSecret !== undefined && { client_secret: clientSecret }),
      ...(asked !== undefined && { issuer: asked }),
    };
  }

  saveClientInformation(client: StoredOAuthClientInformation, context?: OAuthClientInformationContext): void {
    if (context && this.options.clientId === undefined) this.grant.clients[context.issuer] = client;
  }

  tokens(): StoredOAuthTokens | undefined {
    return this.grant.tokens;
  }

  saveTokens(tokens: StoredOAuthTokens, context?: OAuthClientInformationContext): void {
    // An authorization server that does not give out a new refresh token leaves the old one in force.
    const { refresh_token: kept } = this.grant.tokens ?? {};
    this.grant.tokens = { ...(kept !== undefined && { refresh_token: kept }), ...tokens };
    if (context) this.grant.boundIssuer = context.issuer;
  }

  redirectToAuthorization(url: URL): void {
    if (!this.flow) throw new SignInNeeded();
    this.authorizationUrl = url;
  }

  saveCodeVerifier(verifier: string): void {
    if (this.flow) this.flow.codeVerifier = verifier;
  }

  codeVerifier(): string {
    return this.flow?.codeVerifier ?? '';
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    if (this.flow) this.flow.discovery = state;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.flow?.discovery;
  }

  invalidateCredentials(what: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (what === 'all' || what === 'tokens') delete this.grant.tokens;
    if (what === 'all' || what === 'client') this.grant.clients = {};
  }
}

/** How the router presents itself to authorization servers (RFC 7591). */
export function clientMetadata(redirectUri: string | undefined): Record<string, unknown> {
  return {
    client_name: 'MCP Router',
    redirect_uris: redirectUri === undefined ? [] : [redirectUri],
    grant_types: redirectUri === undefined ? ['client_credentials'] : ['authorization_code', 'refresh_token'],
    response_types: redirectUri === undefined ? [] : ['code'],
  };
}

const isSameIssuer = (a: string, b: string): boolean => a.replace(/\/$/, '') === b.replace(/\/$/, '');
