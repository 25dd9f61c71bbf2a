import type { Catalogue } from '../catalogue/catalogue';
import type { CatalogueKind } from '../catalogue/catalogue-item';
import type { SessionStore } from '../sessions/session-store';
import type { VirtualServers } from '../virtual-servers/virtual-servers.service';
import type { Directory } from './directory';
import type { Listeners } from './listeners';
import type { LogLevels } from './log-levels';
import type { Subscriptions } from './subscriptions';
import type { TaskOwners } from './task-owners';
import { Watcher } from './watcher';

type Change = (slug: string, kinds: CatalogueKind[]) => void;

/** A watcher with one session on the aggregate, and what that session is told. */
function watched() {
  let change: Change = () => undefined;
  const told: string[] = [];
  const session = { endpoint: undefined, notify: (text: string) => told.push((JSON.parse(text) as Told).method) };
  const watcher = new Watcher(
    { onUpstream: () => () => undefined, upstreams: () => [] } as unknown as Directory,
    { onChange: (listener: Change) => ((change = listener), () => undefined) } as unknown as Catalogue,
    { all: () => [session].values(), onEnd: () => undefined } as unknown as SessionStore,
    { listChanged: () => undefined } as unknown as Listeners,
    {} as Subscriptions,
    {} as TaskOwners,
    { onChange: () => () => undefined, view: () => undefined, covers: () => true } as unknown as VirtualServers,
    {} as LogLevels,
  );
  return { watcher, told, change: (...changed: Parameters<Change>) => change(...changed) };
}

interface Told {
  method: string;
}

describe('changes of lists', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('are told once when the last of a burst has come', () => {
    const { watcher, told, change } = watched();
    for (const slug of ['a', 'b', 'c', 'd', 'e']) {
      change(slug, ['tools', 'prompts']);
      jest.advanceTimersByTime(40);
    }
    expect(told).toEqual([]);
    jest.advanceTimersByTime(20);
    expect(told.sort()).toEqual(['notifications/prompts/list_changed', 'notifications/tools/list_changed']);
    watcher.close();
  });

  it('are told after a while when the burst does not end', () => {
    const { watcher, told, change } = watched();
    for (let i = 0; i < 70; i++) {
      change('a', ['tools']);
      jest.advanceTimersByTime(10);
    }
    expect(told).toHaveLength(1);
    watcher.close();
  });
});
