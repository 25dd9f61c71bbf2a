import { changesBetween } from './catalogue-changes';
import { readItems } from './catalogue-item';

const list = (...tools: object[]) => readItems('s', 'tools', JSON.stringify({ tools }));

it('tells which tools came, went and are different', () => {
  const before = list({ name: 'stays' }, { name: 'goes' }, { name: 'moves', title: 'a' });
  const after = list({ name: 'moves', title: 'b' }, { name: 'stays' }, { name: 'comes' });
  expect(changesBetween(before, after)).toEqual({ added: ['comes'], removed: ['goes'], changed: ['moves'] });
});

it('has nothing to tell when only the order changed', () => {
  expect(changesBetween(list({ name: 'a' }, { name: 'b' }), list({ name: 'b' }, { name: 'a' }))).toBeUndefined();
});
