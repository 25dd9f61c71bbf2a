import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addGeneratedKey, Outbound } from '@mcp-router/platform';
import { openTestDatabase } from '@mcp-router/platform/testing';
import type { OAuthOptions } from '@mcp-router/shared';
import { pino } from 'pino';
import type { DataSource } from 'typeorm';
import { RouterEnv } from '../config';
import { MIGRATIONS } from '../migrations';
import { AuthorizationServer, CLIENT } from '../testing/authorization-server';
import { HttpRequest } from '../upstreams/http-request';
import { authorized } from './authorized-dispatch';
import { Authorizer } from './authorizer';
import { GrantStore, resealGrants } from './grant-store';

const OWN: OAuthOptions = { grant: 'client_credentials', ...CLIENT };
const CALLBACK = 'http://localhost:4000/oauth/callback';

describe('a server that wants OAuth tokens', () => {
  let database: DataSource;
  let closeDatabase: () => Promise<void>;
  let store: GrantStore;
  let server: AuthorizationServer;
  const folder = mkdtempSync(join(tmpdir(), 'mcpr-grants-'));
  const outbounds: Outbound[] = [];
  beforeAll(async () => {
    ({ database, close: closeDatabase } = await openTestDatabase({
      schema: 'router',
      entities: [],
      migrations: MIGRATIONS,
    }));
    const env = RouterEnv.parse({ DATABASE_URL: 'x', MCPR_DATA_DIR: folder });
    store = new GrantStore(database, env, pino({ level: 'silent' }));
  });
  afterAll(async () => {
    await closeDatabase();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    server = new AuthorizationServer();
    await server.listen();
  });
  afterEach(async () => {
    server.close();
    await Promise.all(outbounds.splice(0).map((outbound) => outbound.close()));
    await database.query('DELETE FROM router.server_grant');
  });

  /** One router, with its own memory; the stored grants are those of all. */
  function replica(oauth: OAuthOptions = {}, url = server.url) {
    const outbound = new Outbound({ allow: ['loopback'] });
    outbounds.push(outbound);
    const authorizer = new Authorizer({ slug: 'wiki', url, oauth, outbound, store });
    const dispatcher = outbound.dispatcher.compose(authorized(authorizer));
    const call = (body: string): Promise<{ status: number; text: string }> =>
      new Promise((resolve, reject) => {
        const request = new HttpRequest(
          {
            onEvent: () => undefined,
            onEnd: (text, { status }) => resolve({ status, text }),
            onError: reject,
          },
          65_536,
          () => undefined,
        );
        dispatcher.dispatch({ origin: server.origin, path: '/mcp', method: 'POST', headers: [], body }, request);
      });
    return { authorizer, call };
  }

  async function signIn({ authorizer }: ReturnType<typeof replica>): Promise<void> {
    const { authorizationUrl } = await authorizer.begin({ redirectUri: CALLBACK });
    await authorizer.finish(await server.consent(authorizationUrl));
    authorizer.reset();
  }

  describe('and gives them to the router for credentials of its own', () => {
    it('is called with one token by many calls at once, each of which is carried out once', async () => {
      const { authorizer, call } = replica(OWN);
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call(`${i}`)));
      expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, i) => `done: ${i}`));
      expect(server.done).toHaveLength(20);
      expect(server.asked).toEqual(['client_credentials']);
      expect(authorizer.view).toEqual({ grant: 'client_credentials', state: 'granted' });
    });

    it('gets another token once it no longer takes the old one', async () => {
      const { call } = replica(OWN);
      await call('first');
      server.valid.clear();
      expect(await call('second')).toEqual({ status: 200, text: 'done: second' });
      expect(server.asked).toEqual(['client_credentials', 'client_credentials']);
    });

    it('that are never taken: refuses, and neither it nor the authorization server is asked without end', async () => {
      server.takesTokens = false;
      const { authorizer, call } = replica(OWN);
      for (let i = 0; i < 10; i++) expect(await call('x')).toEqual({ status: 401, text: 'no' });
      expect(server.asked.length).toBeLessThan(10);
      expect(authorizer.view.state).toBe('refused');
    });

    it('wrongly configured: says why, without the secret', async () => {
      const { authorizer, call } = replica({ ...OWN, clientSecret: 'wrong-secret-of-mine' });
      expect((await call('x')).status).toBe(401);
      expect(authorizer.view.state).toBe('refused');
      expect(authorizer.view.detail).toContain('No authorization');
      expect(JSON.stringify(authorizer.view)).not.toContain('wrong-secret-of-mine');
    });

    it('shows them to no other authorization server than the one that is named', async () => {
      const { authorizer, call } = replica({ ...OWN, issuer: 'https://login.example' });
      expect((await call('x')).status).toBe(401);
      expect(server.asked).toEqual([]);
      expect(authorizer.view.detail).toContain('names the authorization server');
    });
  });

  describe('for which a person signs in', () => {
    it('refuses until then, and is called by every replica afterwards, also by one that starts later', async () => {
      const [one, two] = [replica(), replica()];
      expect((await one.call('early')).status).toBe(401);
      expect(one.authorizer.view).toMatchObject({ state: 'needed' });
      await signIn(two);
      one.authorizer.reset();
      for (const each of [one, two, replica()]) expect((await each.call('x')).status).toBe(200);
      expect(server.asked).toEqual(['authorization_code']);
    });

    it('takes each refresh token once, although all replicas find out together that the token is no longer good', async () => {
      const replicas = [replica(), replica(), replica()];
      await signIn(replicas[0] as ReturnType<typeof replica>);
      for (const { call } of replicas) await call('before');
      server.valid.clear();
      const answers = await Promise.all(replicas.flatMap(({ call }) => [call('a'), call('b')]));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
      expect(server.reused).toBe(0);
      expect(server.asked).toEqual(['authorization_code', 'refresh_token']);
    });

    it('wants a person again when its authorization server no longer knows the grant', async () => {
      const one = replica();
      await signIn(one);
      await one.call('before');
      server.valid.clear();
      server.forgetGrants();
      expect((await one.call('x')).status).toBe(401);
      expect(one.authorizer.view.state).toBe('needed');
      await signIn(one);
      expect((await one.call('x')).status).toBe(200);
    });

    it('takes a sign-in once, from the browser that began it, and not after it was refused', async () => {
      const { authorizer } = replica();
      const { authorizationUrl } = await authorizer.begin({ redirectUri: CALLBACK });
      const answer = await server.consent(authorizationUrl);
      await expect(authorizer.finish({ ...answer, state: 'guessed' })).rejects.toMatchObject({ code: 'not_found' });
      await expect(authorizer.finish({ state: answer.state, error: 'access_denied' })).rejects.toMatchObject({
        code: 'forbidden',
      });
      await expect(authorizer.finish(answer)).rejects.toMatchObject({ code: 'not_found' });
      expect(await store.slugOf(answer.state)).toBeUndefined();
    });

    it('is not shown what was granted for another address', async () => {
      await signIn(replica());
      const moved = replica({}, `${server.origin}/other`);
      expect((await moved.call('x')).status).toBe(401);
      expect(moved.authorizer.header).toBeUndefined();
    });

    it('is called with what is stored also after the key that encrypts it was changed', async () => {
      await signIn(replica());
      const settings = RouterEnv.parse({ DATABASE_URL: 'x', MCPR_DATA_DIR: folder });
      const box = await addGeneratedKey(settings);
      await database.transaction((db) => resealGrants(db, box));
      const [row] = await database.query<{ sealed: string }[]>('SELECT sealed FROM router.server_grant');
      expect(box.isCurrent(row?.sealed ?? '')).toBe(true);
      expect((await replica().call('x')).status).toBe(200);
    });

    it('leaves nothing in the database that can be read', async () => {
      await signIn(replica());
      const [row] = await database.query<{ sealed: string; flow_hash: string | null }[]>(
        'SELECT sealed, flow_hash FROM router.server_grant',
      );
      expect(row?.sealed).not.toMatch(/token-|refresh-/);
      for (const token of server.valid) expect(JSON.stringify(row)).not.toContain(token);
    });
  });
});
