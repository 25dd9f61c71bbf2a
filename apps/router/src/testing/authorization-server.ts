import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CLIENT = { clientId: 'router', clientSecret: 'hunter2-hunter2-hunter2' };
const FORM = 'application/x-www-form-urlencoded';

/** A resource that wants tokens, and the authorization server that gives them, at one address; a test plays with its state. */
export class AuthorizationServer {
  /** Tokens that the resource takes now. */
  readonly valid = new Set<string>();
  /** Grant types of the token requests, in order. */
  readonly asked: string[] = [];
  /** Requests that the resource carried out, by their bodies. */
  readonly done: string[] = [];
  /** Refresh tokens that were used a second time: a sign of theft, for which a real server revokes everything. */
  reused = 0;
  takesTokens = true;
  private readonly codes = new Map<string, string>();
  private readonly refreshTokens = new Map<string, boolean>();
  private readonly server = createServer((request, response) => void this.answer(request, response));

  /** @param answerTo what the resource says to a body that came with a token */
  constructor(private readonly answerTo: (body: string) => string = (body) => `done: ${body}`) {}

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/mcp`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** Is the person who agrees. @returns what the browser brings back */
  async consent(authorizationUrl: string): Promise<{ state: string; code: string }> {
    const response = await fetch(authorizationUrl, { redirect: 'manual' });
    const { searchParams } = new URL(response.headers.get('location') ?? '');
    return { state: searchParams.get('state') ?? '', code: searchParams.get('code') ?? '' };
  }

  /** Nobody's refresh token is good any more. */
  forgetGrants(): void {
    this.refreshTokens.clear();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { pathname, searchParams } = new URL(request.url ?? '', this.origin);
    const json = (status: number, value: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    switch (pathname) {
      case '/.well-known/oauth-protected-resource/mcp': {
        json(200, { resource: this.url, authorization_servers: [this.origin] });
        return;
      }
      case '/.well-known/oauth-authorization-server': {
        json(200, {
          issuer: this.origin,
          authorization_endpoint: `${this.origin}/authorize`,
          token_endpoint: `${this.origin}/token`,
          registration_endpoint: `${this.origin}/register`,
          response_types_supported: ['code'],
          code_challenge_methods_supported: ['S256'],
        });
        return;
      }
      case '/register': {
        json(201, { ...(JSON.parse(body) as object), client_id: randomBytes(6).toString('hex') });
        return;
      }
      case '/authorize': {
        const code = randomBytes(8).toString('hex');
        this.codes.set(code, searchParams.get('code_challenge') ?? '');
        const back = new URL(searchParams.get('redirect_uri') ?? '');
        back.searchParams.set('code', code);
        back.searchParams.set('state', searchParams.get('state') ?? '');
        return void response.writeHead(302, { location: back.href }).end();
      }
      case '/token':
        if (request.headers['content-type'] !== FORM) {
          json(400, { error: 'invalid_request' });
          return;
        }
        this.token(new URLSearchParams(body), request.headers.authorization, json);
        return;
      case '/mcp': {
        this.resource(request, response, body);
        return;
      }
      default: {
        json(404, {});
        return;
      }
    }
  }

  private token(
    form: URLSearchParams,
    authorization: string | undefined,
    json: (status: number, value: object) => void,
  ): void {
    const grant = form.get('grant_type') ?? '';
    this.asked.push(grant);
    if (grant === 'client_credentials') {
      const expected = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64');
      if (authorization !== `Basic ${expected}`) return json(401, { error: 'invalid_client' });
      return json(200, { access_token: this.newToken(), token_type: 'Bearer' });
    }
    if (grant === 'refresh_token') {
      const token = form.get('refresh_token') ?? '';
      if (this.refreshTokens.get(token) === false) this.reused++;
      if (this.refreshTokens.get(token) !== true) return json(400, { error: 'invalid_grant' });
      this.refreshTokens.set(token, false);
    } else {
      const challenge = this.codes.get(form.get('code') ?? '');
      const proof = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      if (challenge !== proof) return json(400, { error: 'invalid_grant' });
    }
    const refresh = `refresh-${randomBytes(8).toString('hex')}`;
    this.refreshTokens.set(refresh, true);
    json(200, { access_token: this.newToken(), token_type: 'Bearer', refresh_token: refresh });
  }

  private newToken(): string {
    const token = `token-${randomBytes(8).toString('hex')}`;
    this.valid.add(token);
    return token;
  }

  private resource(request: IncomingMessage, response: ServerResponse, body: string): void {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!this.takesTokens || !this.valid.has(token)) {
      const metadata = `${this.origin}/.well-known/oauth-protected-resource/mcp`;
      response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${metadata}", scope="tools"` });
      return void response.end('no');
    }
    this.done.push(body);
    const answer = this.answerTo(body);
    response.writeHead(200, { 'content-type': answer.startsWith('{') ? 'application/json' : 'text/plain' }).end(answer);
  }
}
