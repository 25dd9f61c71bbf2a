import { parseWorkflow } from './parse';
import { runsOf } from './task-lists';

describe('runsOf', () => {
  it('finds the workflows that are run anywhere inside, each once', () => {
    const run = (name: string) => ({ run: { workflow: { namespace: 'n', name } } });
    const { workflow } = parseWorkflow({
      document: { dsl: '1.0.3', namespace: 'n', name: 'n', version: '1.0.0' },
      use: { functions: { f: run('four') } },
      do: [
        { a: run('one') },
        { b: { try: [{ c: run('two') }], catch: { do: [{ d: { fork: { branches: [{ e: run('three') }] } } }] } } },
        { f: { for: { in: '.x' }, do: [{ g: run('one') }] } },
      ],
    });
    expect(workflow && runsOf(workflow).map(({ name }) => name)).toEqual(['one', 'two', 'three', 'four']);
  });
});
