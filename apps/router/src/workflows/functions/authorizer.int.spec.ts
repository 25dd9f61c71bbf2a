import { Outbound } from '@mcp-router/platform';
import { Authorizer } from './authorizer';
import { callHttp } from './http';
import type { Sender } from './send-request';
import { jsonServer, type JsonServer } from './testing/json-server';

const client = {
  tokenPath: '/oauth2/token',
  client: { id: 'me', secret: 's3cret', authentication: 'client_secret_post' },
  encoding: 'application/x-www-form-urlencoded',
  scopes: ['a', 'b'],
  audiences: [],
};

describe('credentials of requests', () => {
  const outbound = new Outbound({ allow: ['loopback'] });
  let server: JsonServer;
  let sender: Sender;
  let tokens = 0;
  let valid = '';
  let expiresIn = 3600;
  beforeAll(async () => {
    server = await jsonServer(({ url, headers }, response) => {
      if (url === '/oauth2/token') return { access_token: (valid = `t${++tokens}`), expires_in: expiresIn };
      if (url === '/refuses/oauth2/token') response.statusCode = 401;
      if (url === '/guarded' && headers.authorization !== `Bearer ${valid}`) response.statusCode = 401;
      return { said: headers.authorization ?? null };
    });
  });
  beforeEach(() => {
    expiresIn = 3600;
    sender = { outbound, authorizer: new Authorizer(outbound), key: 'k', signal: new AbortController().signal };
  });
  afterAll(async () => {
    await server.stop();
    await outbound.close();
  });
  const get = (path: string, authentication: object) =>
    callHttp(
      { method: 'get', endpoint: { uri: server.url + path, authentication: authentication as never } },
      {},
      sender,
    );
  const oauth2 = (authority = server.url) => ({ oauth2: { ...client, authority } });
  const asked = () => server.seen.filter(({ url }) => url === '/oauth2/token');

  it('are basic and bearer', async () => {
    expect(await get('/', { basic: { username: 'ann', password: 'pä:ss' } })).toEqual({
      said: 'Basic (secret)',
    });
    expect(await get('/', { bearer: { token: 'abc' } })).toEqual({ said: 'Bearer abc' });
    expect(await get('/', { bearer: { token: 'abcdefg' } })).toEqual({ said: 'Bearer (secret)' });
    const sent = server.seen.map(({ headers }) => headers.authorization);
    expect(sent).toEqual([`Basic ${Buffer.from('ann:pä:ss').toString('base64')}`, 'Bearer abc', 'Bearer abcdefg']);
  });

  it('are a token of the authority, asked for once', async () => {
    const before = asked().length;
    expect(await get('/guarded', oauth2())).toEqual({ said: `Bearer ${valid}` });
    await get('/guarded', oauth2());
    expect(asked()).toHaveLength(before + 1);
    expect(asked().at(-1)?.body).toBe('grant_type=client_credentials&client_id=me&client_secret=s3cret&scope=a+b');
  });

  it('are asked for again when the token has expired, and when it is refused', async () => {
    expiresIn = 1;
    await get('/guarded', oauth2());
    await get('/guarded', oauth2());
    const before = asked().length;
    expiresIn = 3600;
    await get('/guarded', oauth2());
    expect(asked()).toHaveLength(before + 1);
    valid = 'another one';
    expect(await get('/guarded', oauth2())).toEqual({ said: `Bearer ${valid}` });
    expect(asked()).toHaveLength(before + 2);
  });

  it('fault with the error of the standard when the authority gives none', async () => {
    await expect(get('/guarded', oauth2(`${server.url}/refuses`))).rejects.toMatchObject({
      error: { type: 'https://serverlessworkflow.io/spec/1.0.0/errors/authentication', status: 401 },
    });
  });
});
