import { openTestDatabase } from '@mcp-router/platform/testing';
import { v4 } from 'uuid';
import { parseWorkflow } from './definition/parse';
import { WORST } from './hints';
import { ROUTER_DATABASE } from './testing/engine-parts';
import { VersionStore } from './version-store';

const definition = (name: string) => ({
  document: { dsl: '1.0.3', namespace: 'test', name, version: '1.0.0' },
  do: [{ done: { set: { n: 1 } } }],
});

it('definitions are read once and together, when many runs of them are taken over at one moment', async () => {
  const { database, close } = await openTestDatabase(ROUTER_DATABASE);
  const ids: string[] = [];
  for (const name of ['one', 'two']) {
    const { workflow } = parseWorkflow(definition(name));
    if (!workflow) throw new Error('The definition is not one');
    const author = new VersionStore(database);
    const { row } = await author.save(workflow, {});
    await author.publish(row.id, { tools: {}, hints: WORST }, () => Promise.resolve());
    ids.push(row.id);
  }
  let statements = 0;
  const query = database.query.bind(database);
  database.query = ((...args: Parameters<typeof query>) => {
    statements++;
    return query(...args);
  }) as typeof database.query;
  const store = new VersionStore(database);
  const read = await Promise.all([...ids, ...ids, ...ids].map((id) => store.workflow(id)));
  expect(statements).toBe(1);
  expect(new Set(read).size).toBe(2);
  expect(read.map(({ document }) => document.name)).toEqual(['one', 'two', 'one', 'two', 'one', 'two']);
  await expect(store.workflow(v4())).rejects.toMatchObject({ code: 'not_found' });
  expect(await store.workflow(ids[0] ?? '')).toBe(read[0]);
  expect(statements).toBe(2);
  await close();
});
