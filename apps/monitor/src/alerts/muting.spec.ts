import type { Silence } from '@mcp-router/shared';
import { mutedBy } from './muting';

const at = Date.parse('2026-11-22T12:00:00Z');
const silence = (fields: Partial<Silence>): Silence => ({
  id: '0190a0a0-0000-7000-8000-000000000001',
  rule: null,
  labels: {},
  startsAt: '2026-11-22T11:00:00.000Z',
  endsAt: '2026-11-22T13:00:00.000Z',
  comment: '',
  createdBy: 'ann',
  ...fields,
});
const rule = { name: 'slow', inhibitedBy: ['down'] };
const git = { server: 'git', tool: 'log' };

it.each<[string, Partial<Silence>, string | null]>([
  ['of every rule', {}, 'silenced'],
  ['of its rule', { rule: 'slow' }, 'silenced'],
  ['of another rule', { rule: 'other' }, null],
  ['of its labels', { labels: { server: 'git' } }, 'silenced'],
  ['of a label it has not', { labels: { agent: 'ann' } }, null],
  ['of another value', { labels: { server: 'db' } }, null],
  ['that begins later', { startsAt: '2026-11-22T12:00:00.001Z' }, null],
  ['that begins now', { startsAt: '2026-11-22T12:00:00.000Z' }, 'silenced'],
  ['that ends now', { endsAt: '2026-11-22T12:00:00.000Z' }, null],
])('a silence %s', (_, fields, expected) => {
  expect(mutedBy(rule, git, [silence(fields)], [], at)).toBe(expected);
});

it.each<[string, { rule: string; labels: Record<string, string> }, string | null]>([
  ['about the same server', { rule: 'down', labels: { server: 'git' } }, 'inhibited'],
  ['about everything', { rule: 'down', labels: {} }, 'inhibited'],
  ['about another server', { rule: 'down', labels: { server: 'db' } }, null],
  ['of a rule that does not inhibit it', { rule: 'other', labels: { server: 'git' } }, null],
])('an alert %s', (_, other, expected) => {
  expect(mutedBy(rule, git, [], [other], at)).toBe(expected);
});
