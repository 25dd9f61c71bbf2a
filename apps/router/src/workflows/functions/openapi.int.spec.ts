import { Outbound } from '@mcp-router/platform';
import type { Json, JsonObject } from '../definition/json';
import { Authorizer } from './authorizer';
import { callOperation, readOperation } from './openapi';
import type { Sender } from './send-request';
import { jsonServer, type JsonServer } from './testing/json-server';

const DOCUMENT = {
  openapi: '3.1.0',
  servers: [{ url: '{base}/v1', variables: { base: { default: '/api' } } }],
  paths: {
    '/pets/{id}': {
      parameters: [{ $ref: '#/components/parameters/id' }],
      get: {
        operationId: 'getPet',
        parameters: [
          { name: 'tags', in: 'query', schema: { type: 'array' } },
          { name: 'fields', in: 'query', explode: false, schema: { type: 'array' } },
          { name: 'filter', in: 'query', style: 'deepObject', schema: { type: 'object' } },
          { name: 'X-Trace', in: 'header', schema: { type: 'string' } },
          { name: 'session', in: 'cookie', schema: { type: 'string' } },
        ],
      },
      put: {
        operationId: 'putPet',
        requestBody: { required: true, content: { 'application/json': { schema: {} } } },
      },
    },
    '/gone': { get: { operationId: 'gone' } },
    '/moved': { get: { operationId: 'moved' } },
  },
  components: { parameters: { id: { name: 'id', in: 'path', required: true, schema: { type: 'string' } } } },
};

const SWAGGER = `
swagger: '2.0'
basePath: /v2
paths:
  /pets:
    get:
      operationId: findPets
      parameters:
        - { name: status, in: query, type: array, collectionFormat: multi }
        - { name: ids, in: query, type: array }
    post:
      operationId: addPet
      parameters:
        - { name: pet, in: body, required: true, schema: {} }
  /login:
    post:
      operationId: login
      parameters:
        - { name: user, in: formData, type: string }
`;

describe('call: openapi', () => {
  const outbound = new Outbound({ allow: ['loopback'] });
  let server: JsonServer;
  let sender: Sender;
  beforeAll(async () => {
    server = await jsonServer(({ url, method }, response) => {
      if (url === '/openapi.json') return DOCUMENT;
      if (url === '/swagger.yaml') return void response.setHeader('content-type', 'text/yaml').end(SWAGGER);
      if (url.endsWith('/gone')) response.statusCode = 410;
      if (url.endsWith('/moved')) {
        response.statusCode = 302;
        response.setHeader('location', '/elsewhere');
      }
      return { url, method };
    });
    sender = { outbound, authorizer: new Authorizer(outbound), key: 'run:/do/0', signal: new AbortController().signal };
  });
  afterAll(async () => {
    await server.stop();
    await outbound.close();
  });

  const call = async (operationId: string, parameters: JsonObject, rest: JsonObject = {}, file = 'openapi.json') => {
    const args = { document: { endpoint: `${server.url}/${file}` }, operationId, parameters, ...rest };
    return callOperation(await readOperation(args, sender), args, sender);
  };
  const last = () => server.seen.at(-1);

  it('puts each parameter where the operation wants it', async () => {
    const parameters = {
      id: 'a/b',
      tags: ['x', 'y'],
      fields: ['n', 'm'],
      filter: { age: 3 },
      'X-Trace': 't1',
      session: 's 1',
    };
    expect(await call('getPet', parameters)).toMatchObject({ method: 'GET' });
    expect(last()).toMatchObject({
      url: '/api/v1/pets/a%2Fb?tags=x&tags=y&fields=n,m&filter%5Bage%5D=3',
      headers: { 'x-trace': 't1', cookie: 'session=s%201' },
    });
  });

  it('sends what has no place of its own as the body', async () => {
    await call('putPet', { id: '7', name: 'Milou', age: 3 });
    expect(last()).toMatchObject({
      method: 'PUT',
      url: '/api/v1/pets/7',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"Milou","age":3}',
    });
    await call('putPet', { id: '7', body: ['as', 'it', 'is'] });
    expect(last()?.body).toBe('["as","it","is"]');
  });

  it('reads Swagger 2 in YAML: arrays, a named body, forms', async () => {
    await call('findPets', { status: ['sold', 'new'], ids: [1, 2] }, {}, 'swagger.yaml');
    expect(last()?.url).toBe('/v2/pets?status=sold&status=new&ids=1,2');
    await call('addPet', { pet: { name: 'Milou' } }, {}, 'swagger.yaml');
    expect(last()).toMatchObject({ method: 'POST', body: '{"name":"Milou"}' });
    await call('login', { user: 'a b' }, {}, 'swagger.yaml');
    expect(last()).toMatchObject({ body: 'user=a+b', headers: { 'idempotency-key': 'run:/do/0' } });
  });

  it('puts out the content, the response, or the content in base64', async () => {
    const url = '/api/v1/pets/1';
    expect(await call('getPet', { id: 1 })).toEqual({ url, method: 'GET' });
    expect(await call('getPet', { id: 1 }, { output: 'response' })).toMatchObject({
      request: { method: 'GET', uri: `${server.url}${url}` },
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      content: { url, method: 'GET' },
    });
    const raw = (await call('getPet', { id: 1 }, { output: 'raw' })) as string;
    expect(JSON.parse(Buffer.from(raw, 'base64').toString()) as Json).toEqual({ url, method: 'GET' });
  });

  it('faults as the standard says', async () => {
    const base = 'https://serverlessworkflow.io/spec/1.0.0/errors/';
    const fault = (type: string, status: number) => ({ error: { type: base + type, status } });
    await expect(call('gone', {})).rejects.toMatchObject(fault('communication', 410));
    await expect(call('moved', {})).rejects.toMatchObject(fault('communication', 302));
    await expect(call('moved', {}, { redirect: true })).resolves.toMatchObject({ url: '/elsewhere' });
    await expect(call('nothing', {})).rejects.toMatchObject(fault('configuration', 400));
    await expect(call('getPet', {})).rejects.toMatchObject(fault('validation', 400));
    await expect(call('getPet', { id: 1, odd: 2 })).rejects.toMatchObject(fault('validation', 400));
    await expect(call('putPet', { id: 1 })).rejects.toMatchObject(fault('validation', 400));
    await expect(call('getPet', {}, {}, 'none.json')).rejects.toMatchObject(fault('configuration', 400));
  });
});
