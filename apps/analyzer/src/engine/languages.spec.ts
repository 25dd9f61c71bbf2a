import { GRAMMARS, LANGUAGE_IDS, languageOf } from './languages';
import { prepare } from './parser';

it.each(LANGUAGE_IDS)('names only node types that the grammar of %s has', async (id) => {
  const language = await prepare(id);
  const known = new Set(language.types);
  const {
    functions,
    classes,
    decisions,
    logical,
    ifs,
    loops,
    switches,
    catches,
    ternaries,
    elses,
    elseIfs,
    jumps,
    calls,
    strings,
    numbers,
    parameters,
  } = GRAMMARS[id];
  const used = [
    functions,
    classes,
    decisions,
    logical.nodes,
    logical.operators,
    ifs,
    loops,
    switches,
    catches,
    ternaries,
    elses,
    elseIfs,
    jumps,
    calls,
    strings,
    numbers,
    parameters,
  ].flat();
  expect(used.filter((type) => !known.has(type))).toEqual([]);
});

it('finds the language of a file by its extension, whatever its case', () => {
  expect(['a.ts', 'b.JSX', 'c/d.py', 'e.h', 'f.txt', 'Makefile'].map(languageOf)).toEqual([
    'typescript',
    'javascript',
    'python',
    'cpp',
    undefined,
    undefined,
  ]);
});
