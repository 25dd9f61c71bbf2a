import { createHash } from 'node:crypto';
import { readJson, type Outbound } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import { isObject, type Json, type JsonObject, textOf } from '../definition/json';
import type { OAuth2Client } from '../definition/workflow';
import { WorkflowFault } from '../engine/fault';
import { addressOf } from './send-request';

const MAX_ANSWER_BYTES = 65_536;
const MAX_KEPT = 1_000;
/** A token is not used in the last moments of its life. */
const MARGIN_MS = 30_000;
const LIFE_WITHOUT_EXPIRY_MS = 300_000;

interface Token {
  header: string;
  expiresAt: number;
}

/** Turns an authentication, with its secrets in it, into the `Authorization` of a request. Tokens are kept in memory. */
export class Authorizer {
  private readonly tokens = new Map<string, Promise<Token>>();

  constructor(private readonly outbound: Outbound) {}

  /** @param isFresh the last token was refused, so another one is asked for */
  async headerFor(authentication: Json | undefined, signal: AbortSignal, isFresh = false): Promise<string | undefined> {
    if (!isObject(authentication)) return undefined;
    const { basic, bearer, oauth2 } = authentication;
    if (isObject(basic)) return basicHeader(textOf(basic['username'] ?? ''), textOf(basic['password'] ?? ''));
    if (isObject(bearer)) return `Bearer ${textOf(bearer['token'] ?? '')}`;
    if (isObject(oauth2)) return this.token(oauth2 as unknown as OAuth2Client, signal, isFresh);
    throw WorkflowFault.of('configuration', 'The authentication has no scheme that is known');
  }

  canRenew(authentication: Json | undefined): boolean {
    return isObject(authentication) && isObject(authentication['oauth2']);
  }

  private async token(client: OAuth2Client, signal: AbortSignal, isFresh: boolean): Promise<string> {
    const key = createHash('sha256').update(JSON.stringify(client)).digest('base64url');
    const known = isFresh ? undefined : await this.tokens.get(key)?.catch(() => undefined);
    if (known && known.expiresAt > Date.now()) return known.header;
    const asked = this.ask(client, signal);
    if (this.tokens.size >= MAX_KEPT) this.tokens.clear();
    this.tokens.set(key, asked);
    try {
      return (await asked).header;
    } catch (error) {
      if (this.tokens.get(key) === asked) this.tokens.delete(key);
      throw error;
    }
  }

  /** RFC 6749 section 4.4. */
  private async ask(client: OAuth2Client, signal: AbortSignal): Promise<Token> {
    const { authority, tokenPath, scopes, audiences, encoding } = client;
    const { id, secret, authentication } = client.client;
    const url = addressOf(`${authority.replace(/\/$/, '')}/${tokenPath.replace(/^\//, '')}`);
    const isInBody = authentication === 'client_secret_post';
    const form: JsonObject = {
      grant_type: 'client_credentials',
      ...(isInBody ? { client_id: id, client_secret: secret } : {}),
      ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
      ...(audiences.length > 0 ? { audience: audiences.join(' ') } : {}),
    };
    const response = await this.outbound
      .fetch(url, {
        method: 'POST',
        signal,
        headers: {
          accept: 'application/json',
          'content-type': encoding,
          ...(isInBody ? {} : { authorization: basicHeader(encodeURIComponent(id), encodeURIComponent(secret)) }),
        },
        body:
          encoding === 'application/json'
            ? JSON.stringify(form)
            : new URLSearchParams(form as Record<string, string>).toString(),
      })
      .catch((cause: unknown) => {
        if (cause instanceof AppError) throw cause;
        throw WorkflowFault.of('communication', `${url.host} does not answer: ${(cause as Error).message}`);
      });
    if (!response.ok) {
      await response.body?.cancel();
      throw WorkflowFault.of('authentication', `${url.host} gives no token: it answered ${response.status}`);
    }
    const answer = await readJson(response, MAX_ANSWER_BYTES);
    const { access_token: token, expires_in: seconds } = answer as { access_token?: unknown; expires_in?: unknown };
    if (typeof token !== 'string' || token === '')
      throw WorkflowFault.of('authentication', `The answer of ${url.host} has no access_token`);
    const lifeMs = Number(seconds) > 0 ? Number(seconds) * 1_000 : LIFE_WITHOUT_EXPIRY_MS;
    return { header: `Bearer ${token}`, expiresAt: Date.now() + Math.max(0, lifeMs - MARGIN_MS) };
  }
}

function basicHeader(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
