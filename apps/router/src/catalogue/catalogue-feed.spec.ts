import type { Bus } from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import { pino } from 'pino';
import type { Exchange, Upstream } from '../upstreams/upstream';
import { Catalogue } from './catalogue';
import { CatalogueFeed } from './catalogue-feed';

const bus = { instanceId: 'router-test', broadcast: () => Promise.resolve(), instances: () => [] } as unknown as Bus;
const NEVER = new AbortController().signal;

/** A server that has just connected and whose lists come when they are let go. */
function startingServer() {
  let release!: (failure?: AppError) => void;
  const released = new Promise<void>((resolve, reject) => {
    release = (failure) => (failure ? reject(failure) : resolve());
  });
  released.catch(() => undefined);
  const info = { era: 'legacy', capabilities: { tools: {} } };
  const upstream = {
    slug: 's',
    info,
    ready: () => Promise.resolve(info),
    onConnected: () => () => undefined,
    onUnsolicited: () => () => undefined,
    exchange: async ({ message }: Exchange) => {
      await released;
      return `{"jsonrpc":"2.0","id":${message.id},"result":{"tools":[{"name":"x"}]}}`;
    },
  } as unknown as Upstream;
  return { upstream, release };
}

describe('the first reading of a server', () => {
  let feed: CatalogueFeed;
  let catalogue: Catalogue;
  let server: ReturnType<typeof startingServer>;
  beforeEach(() => {
    catalogue = new Catalogue();
    feed = new CatalogueFeed(catalogue, bus, pino({ level: 'silent' }));
    server = startingServer();
    feed.attach(server.upstream);
  });
  afterEach(() => feed.onApplicationShutdown());

  it('is waited for, so that a server that has just started does not look empty', async () => {
    const waiting = feed.firstReading('s', 'tools', 5_000, NEVER).then(() => catalogue.counts('s').tools);
    server.release();
    await expect(waiting).resolves.toBe(1);
    await feed.firstReading('s', 'tools', 0, NEVER);
  });

  it('is not waited for where there is none', async () => {
    await feed.firstReading('nobody', 'tools', 0, NEVER);
  });

  it('ends after a while, when the client goes, and with the reason when the list cannot be read', async () => {
    await expect(feed.firstReading('s', 'tools', 1, NEVER)).rejects.toMatchObject({ code: 'upstream_timeout' });
    const gone = new AbortController();
    const left = feed.firstReading('s', 'tools', 5_000, gone.signal);
    gone.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    const waiting = feed.firstReading('s', 'tools', 5_000, NEVER);
    server.release(new AppError('upstream_timeout', 'too late'));
    await expect(waiting).rejects.toMatchObject({ detail: 'too late' });
  });

  it('is over when the server is taken away', async () => {
    const waiting = feed.firstReading('s', 'tools', 5_000, NEVER);
    feed.detach('s');
    await waiting;
  });
});

describe('a list that is read anew', () => {
  it('is what the server lists after the wish, not what it was listing just then', async () => {
    const answers: ((tool: string) => void)[] = [];
    const upstream = {
      ...startingServer().upstream,
      exchange: ({ message }: Exchange) =>
        new Promise<string>((resolve) => {
          const answer = (tool: string) =>
            resolve(`{"jsonrpc":"2.0","id":${message.id},"result":{"tools":[{"name":"${tool}"}]}}`);
          answers.push(answer);
        }),
    };
    const catalogue = new Catalogue();
    const feed = new CatalogueFeed(catalogue, bus, pino({ level: 'silent' }));
    const asked = async (times: number) => {
      while (answers.length < times) await new Promise((resolve) => setImmediate(resolve));
    };
    feed.attach(upstream);
    await asked(1);
    const names = Promise.all(
      [1, 2].map(async () => {
        await feed.reread('s', 'tools', 60_000, NEVER);
        return catalogue.itemsOf('s', 'tools').map(({ name }) => name);
      }),
    );
    answers[0]?.('before');
    await asked(2);
    answers[1]?.('after');
    expect(await names).toEqual([['after'], ['after']]);
    expect(answers).toHaveLength(2);
    await feed.reread('nobody', 'tools', 0, NEVER);
    feed.onApplicationShutdown();
  });
});
