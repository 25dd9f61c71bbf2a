import { z } from 'zod';
import { Empty } from '../page';
import { contract } from './contract';

const text = (max: number) => z.string().min(1).max(max);

/** How the router signs in to a server that wants OAuth 2.1 tokens. */
export const OAuthOptions = z
  .strictObject({
    grant: z
      .enum(['authorization_code', 'client_credentials'])
      .optional()
      .describe('A person signs in once (default), or the router does with credentials of its own'),
    issuer: z
      .url()
      .max(4096)
      .optional()
      .describe(
        'The only authorization server that gets the credentials; the first one that the server names if unset',
      ),
    clientId: text(2048).optional().describe('Of a client that is registered there; without it the router registers'),
    clientSecret: text(8192).optional(),
    privateKey: text(16_384).optional().describe('PKCS #8 as PEM, for `private_key_jwt` instead of a secret'),
    algorithm: z
      .enum(['RS256', 'PS256', 'ES256', 'ES384'])
      .optional()
      .describe('That the key signs with; ES256 if unset'),
    clientMetadataUrl: z
      .url({ protocol: /^https$/, error: 'must be an https address' })
      .max(4096)
      .optional()
      .describe("A client metadata document; the gateway's own if it is reached by https"),
    scope: text(4096)
      .optional()
      .describe('Asked for when neither the challenge nor the metadata of the server names one'),
  })
  .meta({ id: 'OAuthOptions' });
export type OAuthOptions = z.infer<typeof OAuthOptions>;

/** Where the router stands with a server that wants tokens; neither tokens nor secrets are ever shown. */
export const ServerAuthorization = z
  .object({
    grant: z.enum(['authorization_code', 'client_credentials']),
    /** `needed`: somebody must sign in; `unknown`: the server has not been asked yet. */
    state: z.enum(['unknown', 'needed', 'granted', 'refused']),
    /** What is missing, for people. */
    detail: z.string().optional(),
  })
  .meta({ id: 'ServerAuthorization' });
export type ServerAuthorization = z.infer<typeof ServerAuthorization>;

const ServerRef = z.object({ server: z.string().min(1).max(64) });

/** The page on which a person signs in for this server, and until when that can be done. */
export const SignIn = z
  .object({ authorizationUrl: z.string(), expiresAt: z.iso.datetime() })
  .meta({ id: 'SignIn', description: 'Open `authorizationUrl` in a browser' });
export type SignIn = z.infer<typeof SignIn>;

/** Begins to sign in: finds the authorization server, registers the router there, makes PKCE and state. */
export const beginSignIn = contract('router.beginSignIn', {
  input: ServerRef.extend({
    /** Where the authorization server sends the person's browser afterwards. */
    redirectUri: z.url().max(4096),
    clientMetadataUrl: z.url().max(4096).optional(),
  }),
  output: SignIn,
  timeoutMs: 60_000,
});

/** What came back with the browser. Whoever knows `state` began it: it is used once and forgotten. */
export const finishSignIn = contract('router.finishSignIn', {
  input: z.object({
    state: z.string().min(1).max(256),
    code: z.string().max(8192).optional(),
    iss: z.string().max(4096).optional(),
    error: z.string().max(256).optional(),
  }),
  output: z.object({ server: z.string() }),
  timeoutMs: 60_000,
});

/** Forgets tokens and registrations. */
export const signOut = contract('router.signOut', { input: ServerRef, output: Empty });
