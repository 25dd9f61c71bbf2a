import fc from 'fast-check';
import { Book, type Change, type Found } from '../candidates/book';
import { identityOf } from '../candidates/identity';
import type { Sighting } from '../sources/source';

/** How a source reports: each change as it happens, everything now and then, or a lease that has to be renewed. */
const SOURCES = [
  { id: 'docker', kind: 'follow' },
  { id: 'kubernetes', kind: 'follow' },
  { id: 'files', kind: 'follow' },
  { id: 'registry', kind: 'poll' },
  { id: 'dns', kind: 'poll' },
  { id: 'urls', kind: 'poll' },
  { id: 'self', kind: 'lease' },
] as const;
type SourceId = (typeof SOURCES)[number]['id'];

const GRACE_MS = 1000;
const LEASE_MS = 300;
const PLACES = 6;
const KEYS = 4;

type Op =
  | { op: 'put' | 'flap'; source: SourceId; key: number; place: number }
  | { op: 'remove'; source: SourceId; key: number }
  | { op: 'outage' | 'recover' | 'poll' | 'drop'; source: SourceId }
  | { op: 'wait'; ms: number }
  | { op: 'restart' };

const source = fc.constantFrom(...SOURCES.map(({ id }) => id));
const key = fc.nat(KEYS - 1);
const place = fc.nat(PLACES - 1);

/** Anything that can happen to sources, in any order. */
export const anySequence: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant('put' as const), source, key, place }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('flap' as const), source, key, place }) },
    { weight: 4, arbitrary: fc.record({ op: fc.constant('remove' as const), source, key }) },
    {
      weight: 5,
      arbitrary: fc.record({ op: fc.constantFrom('outage' as const, 'recover' as const, 'poll' as const), source }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('drop' as const), source }) },
    { weight: 3, arbitrary: fc.record({ op: fc.constant('wait' as const), ms: fc.nat(2 * GRACE_MS) }) },
    { weight: 1, arbitrary: fc.constant({ op: 'restart' as const }) },
  ),
  { minLength: 1, maxLength: 60 },
);

/** The rows of the database, kept by the changes alone. */
class Rows {
  private readonly rows = new Map<string, Found>();

  save(changes: Change[]): void {
    for (const { type, candidate } of changes) {
      if (type === 'removed') {
        this.rows.delete(candidate.id);
        continue;
      }
      const twin = [...this.rows.values()].find(
        ({ id, identity }) => identity === candidate.identity && id !== candidate.id,
      );
      if (twin) throw new Error('two rows with one identity');
      this.rows.set(candidate.id, candidate);
    }
  }

  load(): Found[] {
    return structuredClone([...this.rows.values()]);
  }
}

/** Runs a sequence through the book and through a plain picture of what the sources have said; throws where they differ. */
export function runSequence(ops: Op[]): void {
  let ids = 0;
  let now = 0;
  const newId = () => `${++ids}`;
  const rows = new Rows();
  let book = new Book(newId, GRACE_MS);
  /** What is there, what the source has said of it, and whether it can speak. */
  const truth = new Map(SOURCES.map(({ id }) => [id, new Map<string, Sighting>()]));
  const said = new Map(SOURCES.map(({ id }) => [id, new Map<string, Sighting>()]));
  const isAway = new Set<SourceId>();
  const kindOf = (id: SourceId) => SOURCES.find((one) => one.id === id)?.kind;

  const save = (changes: Change[]) => rows.save(changes);
  const there = (id: SourceId) => truth.get(id)!;
  const report = (id: SourceId) => {
    if (isAway.has(id) || kindOf(id) === 'lease') return;
    said.set(id, new Map(there(id)));
    save(book.snapshot(id, [...there(id).values()], now));
  };
  const put = (id: SourceId, key: string, place: number) => {
    const lease = kindOf(id) === 'lease' ? { expiresAt: now + LEASE_MS } : {};
    const endpoint = { kind: 'http' as const, url: `http://place-${place}/mcp`, headerNames: [] };
    const sighting = { key, name: key, endpoint, ...lease };
    there(id).set(key, sighting);
    if (kindOf(id) === 'poll' || isAway.has(id)) return;
    said.get(id)!.set(key, sighting);
    save(book.sight(id, sighting, now));
  };
  const remove = (id: SourceId, key: string) => {
    there(id).delete(key);
    if (kindOf(id) === 'poll' || isAway.has(id)) return;
    said.get(id)!.delete(key);
    save(book.withdraw(id, key, now));
  };
  const advance = (ms: number) => {
    now += ms;
    for (const all of [said, truth])
      for (const [key, { expiresAt }] of all.get('self')!)
        if (expiresAt !== undefined && expiresAt <= now) all.get('self')!.delete(key);
    save(book.expire(now));
  };

  for (const op of ops) {
    switch (op.op) {
      case 'put':
        put(op.source, `k${op.key}`, op.place);
        break;
      case 'flap':
        for (let i = 0; i < 3; i++) {
          put(op.source, `k${op.key}`, op.place);
          remove(op.source, `k${op.key}`);
        }
        put(op.source, `k${op.key}`, op.place);
        break;
      case 'remove':
        remove(op.source, `k${op.key}`);
        break;
      case 'outage':
        if (kindOf(op.source) !== 'lease') isAway.add(op.source);
        break;
      case 'recover':
        isAway.delete(op.source);
        report(op.source);
        break;
      case 'poll':
        report(op.source);
        break;
      case 'drop':
        // The source is taken away and set up again: what it said is withdrawn at once, outage or not.
        there(op.source).clear();
        said.get(op.source)!.clear();
        save(book.dropSource(op.source, now));
        break;
      case 'wait':
        advance(op.ms);
        break;
      case 'restart':
        book = new Book(newId, GRACE_MS, rows.load());
        for (const { id, kind } of SOURCES) if (kind === 'follow') report(id);
        break;
    }
    compare('what was said is there', seen(book.all()), expected(said));
  }
  for (const { id } of SOURCES) {
    isAway.delete(id);
    report(id);
  }
  advance(GRACE_MS + 1);
  advance(GRACE_MS + 1);
  compare('the book converges', seen(book.all()), expected(truth));
  compare('so do the rows', seen(rows.load()), expected(truth));
  if (book.all().some(({ lostAt }) => lostAt !== null)) throw new Error('a ghost is left');
  if (rows.load().length !== book.all().length) throw new Error('the rows are not those of the book');
}

/** `identity source/key` for everything that is seen. */
function seen(found: Found[]): string[] {
  return found
    .flatMap(({ identity, entries }) =>
      entries.map(({ sourceId, sighting }) => `${identity} ${sourceId}/${sighting.key}`),
    )
    .sort();
}

function expected(said: Map<SourceId, Map<string, Sighting>>): string[] {
  return [...said]
    .flatMap(([id, sightings]) =>
      [...sightings.values()].map(({ key, endpoint }) => `${identityOf(endpoint)} ${id}/${key}`),
    )
    .sort();
}

function compare(claim: string, actual: string[], oracle: string[]): void {
  if (actual.join() === oracle.join()) return;
  const ghosts = actual.filter((one) => !oracle.includes(one));
  const lost = oracle.filter((one) => !actual.includes(one));
  throw new Error(`${claim}: ghosts ${JSON.stringify(ghosts)}, lost ${JSON.stringify(lost)}`);
}
