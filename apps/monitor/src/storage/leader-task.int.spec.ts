import { openTestDatabase } from '@mcp-router/platform/testing';
import type { DataSource } from 'typeorm';
import { LeaderTask } from './leader-task';

const until = async (condition: () => boolean): Promise<void> => {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('work that one replica does', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ database, close } = await openTestDatabase({ schema: 'monitor', entities: [], migrations: [] }));
  });
  afterAll(() => close());

  it('is done by one at a time, goes on after a failure, and is taken over by another when the one stops', async () => {
    const done: string[] = [];
    const followed = new Set<string>();
    const failures: unknown[] = [];
    const task = (name: string): LeaderTask =>
      new LeaderTask(database, 'shared', {
        everyMs: 20,
        lead: () => {
          done.push(name);
          return done.length === 2 ? Promise.reject(new Error('once')) : Promise.resolve();
        },
        follow: () => void followed.add(name),
        onFailure: (error) => failures.push(error),
      });
    const [first, second] = [task('first'), task('second')];
    first.start();
    await until(() => done.length > 0);
    second.start();
    await until(() => followed.has('second') && done.length > 4);
    expect(failures).toEqual([new Error('once')]);
    expect(new Set(done)).toEqual(new Set(['first']));
    await first.stop();
    const before = done.length;
    await until(() => done.includes('second'));
    expect(done.slice(before)).not.toContain('first');
    await second.stop();
  });

  it('is finished before it is given up', async () => {
    let isBusy = false;
    let finish = (): void => undefined;
    const task = new LeaderTask(database, 'busy', {
      everyMs: 20,
      lead: async () => {
        isBusy = true;
        await new Promise<void>((resolve) => (finish = resolve));
        isBusy = false;
      },
      onFailure: () => undefined,
    });
    task.start();
    await until(() => isBusy);
    const stopped = task.stop();
    setTimeout(finish, 50);
    await stopped;
    expect(isBusy).toBe(false);
  });
});
