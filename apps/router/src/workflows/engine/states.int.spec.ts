import { openTestDatabase, until } from '@mcp-router/platform/testing';
import { RunState, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import type { JsonObject } from '../definition/json';
import { ROUTER_DATABASE } from '../testing/engine-parts';
import { EngineProcess, expireLeases, type EngineOptions } from './testing/engine-process';

const PATIENCE_MS = 60_000;
const NEVER_SAID = { hear: { listen: { to: { one: { with: { type: 'never' } } } } } };
const CALL = { call: { call: 'fx__write', with: {} } };

it('a run comes to each of its states, and from each that is not the end to an end', async () => {
  const { database, close } = await openTestDatabase(ROUTER_DATABASE);
  const seen = new Set<string>();
  const processes: EngineProcess[] = [];
  const process = (options: Partial<EngineOptions> = {}) => {
    const made = new EngineProcess(database, { call: () => ({}), isRepeatable: () => false, sweepMs: 20, ...options });
    processes.push(made);
    return made;
  };
  const engine = process();
  const publish = (name: string, tasks: JsonObject[]) =>
    engine.publish({ document: { dsl: '1.0.3', namespace: 'states', name, version: '1.0.0' }, do: tasks });
  const comesTo = (id: string, state: string, owner = engine.owner) =>
    until(async () => {
      await expireLeases(database, owner);
      if ((await engine.store.find(id))?.state !== state) return false;
      seen.add(state);
      return true;
    }, PATIENCE_MS);

  const listens = await publish('listens', [NEVER_SAID]);
  const calls = await publish('calls', [CALL]);
  const run = {
    versionId: listens,
    namespace: 'states',
    name: 'listens',
    version: '1.0.0',
    principal: SYSTEM_PRINCIPAL,
  };
  const stored = (await engine.store.fork({ ...run, input: {} }, [])) ?? '';
  await comesTo(stored, 'pending');

  // Nobody looks for runs yet, so each of these two is alone with its run until it ends.
  const ending = process({ wasWritten: ({ projection }) => projection?.state !== 'cancelling' });
  const cancelled = await ending.start(listens, {});
  await comesTo(cancelled.id, 'waiting', ending.owner);
  await ending.engine.tell(cancelled.id, { kind: 'cancel' });
  await ending.died;
  await comesTo(cancelled.id, 'cancelling', ending.owner);
  let begun: (() => void) | undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const lost = process({ call: () => new Promise(() => begun?.()) });
  const uncertain = await lost.start(calls, {});
  await isBegun;
  await comesTo(uncertain.id, 'running', lost.owner);
  await lost.crash();

  await engine.boot();
  await comesTo(cancelled.id, 'cancelled');
  await comesTo(stored, 'waiting');
  await engine.engine.tell(stored, { kind: 'suspend' });
  await comesTo(stored, 'suspended');
  await engine.engine.tell(stored, { kind: 'resume' });
  await comesTo(stored, 'waiting');
  await comesTo(uncertain.id, 'needs_attention');
  await engine.engine.tell(uncertain.id, { kind: 'resolve', path: '/do/0', resolution: { action: 'fail' } });
  await comesTo(uncertain.id, 'faulted');
  const certain = await engine.start(calls, {});
  await comesTo(certain.id, 'completed');

  expect([...seen].sort()).toEqual([...RunState.options].sort());
  for (const each of processes) await each.crash();
  await close();
});
