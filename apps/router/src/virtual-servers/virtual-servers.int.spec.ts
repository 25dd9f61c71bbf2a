import type { Bus } from '@mcp-router/platform';
import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
import { Catalogue } from '../catalogue/catalogue';
import type { CatalogueFeed } from '../catalogue/catalogue-feed';
import { MIGRATIONS } from '../migrations';
import { ServerEntity } from '../servers/server.entity';
import type { UpstreamRegistry } from '../upstreams/upstream-registry';
import { VirtualServers } from './virtual-servers.service';

describe('virtual servers of two replicas', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ database, close } = await openTestDatabase({
      schema: 'router',
      entities: [ServerEntity],
      migrations: MIGRATIONS,
    }));
  });
  afterAll(() => close());

  /** A replica that has not heard yet of what others do. */
  const replica = async (): Promise<VirtualServers> => {
    const bus = { broadcast: () => Promise.resolve(), record: () => undefined } as unknown as Bus;
    const upstreams = { get: (slug: string) => (slug === 'mirror' ? {} : undefined) } as unknown as UpstreamRegistry;
    const feed = { firstReading: () => Promise.resolve() } as unknown as CatalogueFeed;
    const one = new VirtualServers(database, new Catalogue(), upstreams, feed, bus);
    await one.onModuleInit();
    return one;
  };

  it('are known at once to whoever is asked for one, whichever replica made, changed or removed it', async () => {
    const [here, there] = await Promise.all([replica(), replica()]);
    const { id } = await here.add({ slug: 'desk', servers: [{ server: 'mirror' }] });
    expect(await there.get('desk')).toMatchObject({ id, version: 1 });
    expect(await there.list()).toHaveLength(1);

    await here.update('desk', { description: 'a desk' });
    expect(await there.get(id)).toMatchObject({ description: 'a desk', version: 2 });
    expect(await there.update('desk', { description: 'the desk' })).toMatchObject({ version: 3 });

    await here.remove('desk');
    await expect(there.get('desk')).rejects.toMatchObject({ code: 'not_found' });
    expect(await there.list()).toEqual([]);
    expect(there.view('desk')).toBeUndefined();
  });

  it('are read one time after the other, so that what was read first is never taken for the newest', async () => {
    const one = await replica();
    const answers: ((rows: object[]) => void)[] = [];
    const slow = { query: () => new Promise<object[]>((resolve) => answers.push(resolve)) } as unknown as DataSource;
    Object.assign(one, { database: slow });
    const [first, second] = [one.list(), one.list()];
    await new Promise(setImmediate);
    expect(answers).toHaveLength(1);
    answers[0]?.([{ id: '1', slug: 'old', members: [], version: 1 }]);
    await first;
    await new Promise(setImmediate);
    answers[1]?.([{ id: '2', slug: 'new', members: [], version: 1 }]);
    expect((await second).map(({ slug }) => slug)).toEqual(['new']);
  });
});
