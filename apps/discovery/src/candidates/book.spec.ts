import type { Sighting } from '../sources/source';
import { Book, type Change } from './book';

const GRACE = 1000;
const at = (url: string, key = url): Sighting => ({
  key,
  name: key,
  endpoint: { kind: 'http', url: `http://${url}/mcp`, headerNames: [] },
});

function setup() {
  let ids = 0;
  return new Book(() => `id-${++ids}`, GRACE);
}
const kinds = (changes: Change[]) => changes.map(({ type, candidate }) => `${type} ${candidate.id}`);

it('makes one server of what three sources see, and loses it when the last of them does', () => {
  const book = setup();
  expect(kinds(book.sight('docker', at('a.test', 'c1'), 0))).toEqual(['found id-1']);
  expect(kinds(book.sight('urls', at('A.TEST:80', 'https'), 0))).toEqual(['changed id-1']);
  expect(kinds(book.sight('dns', at('a.test.', 'srv'), 0))).toEqual(['changed id-1']);
  expect(book.all()).toHaveLength(1);
  expect(book.all()[0]?.entries.map(({ sourceId }) => sourceId)).toEqual(['docker', 'urls', 'dns']);
  expect(kinds(book.withdraw('docker', 'c1', 1))).toEqual(['changed id-1']);
  expect(kinds(book.snapshot('urls', [], 1))).toEqual(['changed id-1']);
  expect(kinds(book.withdraw('dns', 'srv', 1))).toEqual(['lost id-1']);
});

it('keeps a lost server for the time of grace, and takes it back under the same id', () => {
  const book = setup();
  book.sight('s', at('a'), 0);
  book.snapshot('s', [], 10);
  expect(book.expire(10 + GRACE - 1)).toEqual([]);
  expect(kinds(book.sight('s', at('a'), 20))).toEqual(['returned id-1']);
  book.snapshot('s', [], 30);
  expect(book.nextExpiry()).toBe(30 + GRACE);
  expect(kinds(book.expire(30 + GRACE))).toEqual(['removed id-1']);
  expect(book.all()).toEqual([]);
});

it('follows a server that its source sees at a new address', () => {
  const book = setup();
  book.sight('docker', at('10.0.0.1', 'web'), 0);
  expect(kinds(book.sight('docker', at('10.0.0.2', 'web'), 1))).toEqual(['moved id-1']);
  expect(book.all()).toHaveLength(1);
});

it('takes a new address for another server when somebody else still sees the old one', () => {
  const book = setup();
  book.sight('docker', at('10.0.0.1', 'web'), 0);
  book.sight('urls', at('10.0.0.1'), 0);
  expect(kinds(book.sight('docker', at('10.0.0.2', 'web'), 1))).toEqual(['changed id-1', 'found id-2']);
});

it('says nothing of what it knows already', () => {
  const book = setup();
  book.sight('s', at('a'), 0);
  expect(book.snapshot('s', [at('a')], 1000)).toEqual([]);
  expect(kinds(book.snapshot('s', [{ ...at('a'), version: '2' }], 1000))).toEqual(['changed id-1']);
});

it('ends a lease that is not renewed', () => {
  const book = setup();
  book.sight('self', { ...at('a'), expiresAt: 100 }, 0);
  book.sight('self', { ...at('a'), expiresAt: 200 }, 50);
  expect(book.expire(150)).toEqual([]);
  expect(kinds(book.expire(200))).toEqual(['lost id-1']);
});

it('withdraws what only a removed source saw', () => {
  const book = setup();
  book.snapshot('x', [at('a'), at('b')], 0);
  book.sight('y', at('b'), 0);
  expect(kinds(book.dropSource('x', 1))).toEqual(['lost id-1', 'changed id-2']);
  expect(book.count('x')).toBe(0);
});
