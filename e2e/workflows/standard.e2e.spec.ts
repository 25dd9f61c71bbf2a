import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSystem, type System } from '../system';

type Data = Record<string, unknown>;

interface Outcome {
  state: string;
  output: unknown;
  error: Data | null;
  /** Names of the tasks, in the order in which they ended. */
  tasks: string[];
}

const TYPES = 'https://serverlessworkflow.io/spec/1.0.0/errors';

const inside = (name: string, where: string, type: object) => ({ name, in: where, required: true, schema: type });
const response = { responses: { 200: { description: 'What was asked for' } } };
const describeLibrary = (server: string) => ({
  openapi: '3.0.3',
  info: { title: 'Library', version: '1' },
  servers: [{ url: server }],
  paths: {
    '/books': {
      get: { operationId: 'listBooks', parameters: [inside('shelf', 'query', { type: 'string' })], ...response },
    },
    '/books/{book}': {
      get: { operationId: 'getBook', parameters: [inside('book', 'path', { type: 'integer' })], ...response },
    },
  },
});

/**
 * What an implementation of the Serverless Workflow DSL must do: the behaviours that the conformance kit of the
 * standard covers, feature by feature, told through REST.
 */
describe('the standard of workflows', () => {
  let system: System;
  let library: Server;
  let url: string;
  let count = 0;

  beforeAll(async () => {
    library = createServer(({ url: path = '', headers, method }, response) => {
      const { pathname, searchParams } = new URL(path, 'http://library');
      const answer = (status: number, body: unknown) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      };
      const book = /^\/books\/(\d+)$/.exec(pathname);
      if (book) answer(200, { id: Number(book[1]), title: `Book ${book[1]}`, shelf: 'A', method });
      else if (pathname === '/openapi.json') answer(200, describeLibrary(url));
      else if (pathname === '/books') answer(200, [{ id: 7, shelf: searchParams.get('shelf') }, { id: 8 }]);
      else if (pathname === '/members')
        answer(headers.authorization === `Basic ${btoa('ada:lovelace')}` ? 200 : 401, { name: 'Ada' });
      else answer(404, { problem: 'no such page' });
    });
    await new Promise<void>((resolve) => library.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(library.address() as AddressInfo).port}`;
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0 });
  });
  afterAll(async () => {
    await system.stop();
    library.close();
  });

  async function execute(tasks: Data[], input: unknown = {}): Promise<Outcome> {
    const document = { dsl: '1.0.3', namespace: 'standard', name: `case-${++count}`, version: '1.0.0' };
    const path = `/api/v1/workflows/standard/${document.name}`;
    const saved = await system.api('POST', '/api/v1/workflows', { definition: { document, do: tasks } });
    expect(saved).toMatchObject({ status: 201 });
    expect(await system.api('POST', `${path}/versions/1.0.0/publish`)).toMatchObject({ status: 200 });
    const { body } = await system.api<{ id: string }>('POST', `${path}/runs?wait=60s`, { input });
    const { body: run } = await system.api<Omit<Outcome, 'tasks'> & { tasks: { pointer: string }[] }>(
      'GET',
      `/api/v1/runs/${body.id}`,
    );
    return { ...run, tasks: run.tasks.map(({ pointer }) => pointer.split('/').at(-1) ?? '') };
  }
  const append = (word: string, then?: string): Data => ({
    set: { words: `\${ .words + ["${word}"] }` },
    ...(then === undefined ? {} : { then }),
  });
  const get = (path: string, more: Data = {}): Data => ({
    call: 'http',
    with: { method: 'get', endpoint: { uri: url + path }, ...more },
  });

  describe('call', () => {
    it('fills the input into the address of a request, reads JSON and filters it', async () => {
      const find = { ...get('/books?shelf={shelf}'), output: { as: '.[0]' } };
      expect(await execute([{ find }], { shelf: 'B 2' })).toMatchObject({
        state: 'completed',
        output: { id: 7, shelf: 'B 2' },
      });
    });

    it('puts out the whole response with its request when that is wanted', async () => {
      const { state, output } = await execute([{ find: get('/books/{book}', { output: 'response' }) }], { book: 12 });
      expect(state).toBe('completed');
      expect(output).toMatchObject({
        request: { method: 'GET', uri: `${url}/books/12`, headers: {} },
        headers: { 'content-type': 'application/json' },
        statusCode: 200,
        content: { id: 12, title: 'Book 12', shelf: 'A', method: 'GET' },
      });
    });

    it('signs in with a user name and a password that are expressions', async () => {
      const basic = { username: '${ .user }', password: '${ .secret }' };
      const endpoint = { uri: `${url}/members`, authentication: { basic } };
      const tasks = [{ enter: { call: 'http', with: { method: 'get', endpoint } } }];
      const known = await execute(tasks, { user: 'ada', secret: 'lovelace' });
      expect(known).toMatchObject({ state: 'completed', output: { name: 'Ada' } });
      const unknown = await execute(tasks, { user: 'ada', secret: 'byron' });
      expect(unknown).toMatchObject({ state: 'faulted', error: { status: 401, instance: '/do/0/enter' } });
    });
  });

  describe('call of OpenAPI', () => {
    const ask = (operationId: string, parameters: Data, more: Data = {}): Data => ({
      call: 'openapi',
      with: { document: { endpoint: `${url}/openapi.json` }, operationId, parameters, ...more },
    });

    it('calls the operation with what its parameters give, and filters the content', async () => {
      const count = {
        ...ask('listBooks', { shelf: '${ .shelf }' }),
        output: { as: '{ count: length, first: .[0].shelf }' },
      };
      expect(await execute([{ count }], { shelf: 'C' })).toMatchObject({
        state: 'completed',
        output: { count: 2, first: 'C' },
      });
    });

    it('puts out the whole response with its request when that is wanted', async () => {
      const { state, output } = await execute([{ find: ask('getBook', { book: '${ .book }' }, { output: 'response' }) }], { book: 9 }); // prettier-ignore
      expect(state).toBe('completed');
      expect(output).toMatchObject({
        request: { method: 'GET', uri: `${url}/books/9`, headers: {} },
        headers: { 'content-type': 'application/json' },
        statusCode: 200,
        content: { id: 9, title: 'Book 9' },
      });
    });
  });

  describe('data flow', () => {
    it('gives a task what its input filter leaves of the input', async () => {
      const tasks = [{ take: { input: { from: '.order.lines[1].sku' }, set: { sku: '${ . }' } } }];
      const input = { order: { lines: [{ sku: 'a' }, { sku: 'b' }] } };
      expect((await execute(tasks, input)).output).toEqual({ sku: 'b' });
    });

    it('may end with a plain value instead of an object', async () => {
      expect((await execute([{ find: { ...get('/books/31'), output: { as: '.id' } } }])).output).toBe(31);
    });

    it('hands a plain value to the next task, whose `$input` it is', async () => {
      const tasks = [
        { first: { ...get('/books/{book}'), output: { as: '.id' } } },
        { second: { ...get('/books/5'), output: { as: '{ both: [$input, .id] }' } } },
      ];
      expect((await execute(tasks, { book: 4 })).output).toEqual({ both: [4, 5] });
    });
  });

  describe('flow', () => {
    it('runs the tasks of a list in their order', async () => {
      const { output, tasks } = await execute([{ one: append('a') }, { two: append('b') }, { three: append('c') }]);
      expect(output).toEqual({ words: ['a', 'b', 'c'] });
      expect(tasks).toEqual(['one', 'two', 'three']);
    });

    it('goes where `then` says', async () => {
      const { output, tasks } = await execute([
        { one: append('a', 'two') },
        { three: append('c', 'end') },
        { two: append('b', 'three') },
      ]);
      expect(output).toEqual({ words: ['a', 'b', 'c'] });
      expect(tasks).toEqual(['one', 'two', 'three']);
    });

    it('runs the tasks inside a `do` one after the other', async () => {
      const whole = { do: [{ one: append('a') }, { two: append('b') }, { three: append('c') }] };
      expect((await execute([{ whole }])).output).toEqual({ words: ['a', 'b', 'c'] });
    });

    it('ends a competing fork with what one of its branches puts out', async () => {
      const branches = [{ one: append('a') }, { two: append('b') }, { three: append('c') }];
      const { state, output } = await execute([{ race: { fork: { compete: true, branches } } }]);
      expect(state).toBe('completed');
      expect((output as { words: string[] }).words).toHaveLength(1);
    });

    it('goes through a list with a name for the item and `$index`, each round on the output of the one before', async () => {
      const tasks = [
        {
          loop: {
            for: { each: 'fruit', in: '.basket' },
            do: [{ note: { set: { eaten: '${ { what: (.eaten.what + [$fruit]), at: (.eaten.at + [$index]) } }' } } }],
          },
        },
      ];
      expect((await execute(tasks, { basket: ['fig', 'plum'] })).output).toEqual({
        eaten: { what: ['fig', 'plum'], at: [0, 1] },
      });
    });
  });

  describe('switch', () => {
    const cases = ['north', 'south'].map((to) => ({ [to]: { when: `.to == "${to}"`, then: to } }));
    const ends = [{ north: append('up', 'end') }, { south: append('down', 'end') }];

    it('goes to the task of the case that holds', async () => {
      const { output, tasks } = await execute([{ turn: { switch: cases } }, ...ends], { to: 'south' });
      expect(output).toEqual({ words: ['down'] });
      expect([tasks[0], tasks.at(-1)]).toEqual(['turn', 'south']);
    });

    it('follows its own `then` when no case holds, and changes nothing', async () => {
      const { output, tasks } = await execute([{ turn: { switch: cases, then: 'end' } }, ...ends], { to: 'east' });
      expect(output).toEqual({ to: 'east' });
      expect(tasks).toEqual(['turn']);
    });

    it('goes to the case without a condition when no other holds', async () => {
      const lost = { set: { words: '${ [$input.to] }' } };
      const turn = { switch: [...cases, { other: { then: 'lost' } }] };
      const { output, tasks } = await execute([{ turn }, ...ends, { lost }], { to: 'east' });
      expect(output).toEqual({ words: ['east'] });
      expect([tasks[0], tasks.at(-1)]).toEqual(['turn', 'lost']);
    });
  });

  it('sets what its expressions give of the input', async () => {
    const set = { kind: 'box', width: '${ .size.w }', lid: '${ .lid }' };
    const output = { kind: 'box', width: 3, lid: { color: 'red', holes: [1, 2] } };
    expect(await execute([{ box: { set } }], { size: { w: 3 }, lid: output.lid })).toMatchObject({ output });
  });

  it('emits an event with all that a CloudEvent must have', async () => {
    const event = { source: 'https://shop.example', type: 'shop.sold', data: { text: '${ "Sold to \\(.buyer)" }' } };
    const { state, output } = await execute([{ tell: { emit: { event: { with: event } } } }], { buyer: 'Eve' });
    expect(state).toBe('completed');
    expect(output).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/./),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      source: 'https://shop.example',
      type: 'shop.sold',
      data: { text: 'Sold to Eve' },
    });
  });

  it('faults with exactly the error that is raised, and the place where it was', async () => {
    const error = { type: 'https://shop.example/errors/empty', status: 409, title: 'Nothing left' };
    const { state, error: raised } = await execute([{ outer: { do: [{ check: { raise: { error } } }] } }]);
    expect(state).toBe('faulted');
    expect(raised).toEqual({ ...error, instance: '/do/0/outer/do/0/check' });
  });

  describe('try', () => {
    const trying = (status: number, type = `${TYPES}/communication`) => [
      {
        look: {
          try: [{ find: get('/authors/{author}') }],
          catch: {
            errors: { with: { type, status } },
            as: 'problem',
            do: [{ tell: { set: { was: '${ $problem }' } } }],
          },
        },
      },
    ];
    const was = {
      type: `${TYPES}/communication`,
      status: 404,
      title: 'Communication Error',
      instance: '/do/0/look/try/0/find',
    };

    it('hands an error that is caught to the tasks of `catch`', async () => {
      const { state, output } = await execute(trying(404), { author: 'nobody' });
      expect(state).toBe('completed');
      expect(output).toMatchObject({ was });
    });

    it('catches by the other spelling of the same type too', async () => {
      const other = 'https://serverlessworkflow.io/dsl/errors/types/communication';
      expect((await execute(trying(404, other), { author: 'nobody' })).output).toMatchObject({ was });
      const different = 'https://serverlessworkflow.io/dsl/errors/types/timeout';
      expect((await execute(trying(404, different), { author: 'nobody' })).state).toBe('faulted');
    });

    it('faults with an error that is not caught', async () => {
      expect(await execute(trying(503), { author: 'nobody' })).toMatchObject({ state: 'faulted', error: was });
    });
  });
});
