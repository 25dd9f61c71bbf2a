import { pathsOf, recurse } from '../compiler/access';
import { generator, valuesOf } from '../compiler/code';
import { deletePaths, getPath, setPath } from '../paths';
import { fault } from '../values';
import { type GeneratorFunction, pathInput, type ValueFunction } from './builtin';

/** Values changed at given paths. */
export const PATH_CHANGES: Readonly<Record<string, ValueFunction>> = {
  'setpath/2': ({ budget }, input, path, value) => setPath(input, pathInput(path), value, budget),
  'delpaths/1': ({ budget }, input, paths) => {
    if (!Array.isArray(paths)) throw fault('Paths must be specified as an array');
    return deletePaths(input, paths.map(pathInput), budget);
  },
};

/** Paths of values, and values at paths. */
export const PATHS: Readonly<Record<string, GeneratorFunction>> = {
  'path/1': ([f]) =>
    generator((context, env, input, emit) =>
      f.run(context, env, input, [], (_value, path) => {
        context.budget.build(path?.length ?? 0);
        emit(path ?? []);
      }),
    ),
  'getpath/1': ([where]) => ({
    run(context, env, input, path, emit) {
      valuesOf(where, context, env, input, (steps) => {
        const list = pathInput(steps);
        emit(getPath(input, list, context.budget), path && [...path, ...list]);
      });
    },
  }),
  'paths/0': () =>
    generator((context, _env, input, emit) =>
      recurse(context, input, [], (_value, path) => {
        if (path && path.length > 0) emit(path);
      }),
    ),
  'del/1': ([f]) =>
    generator((context, env, input, emit) => emit(deletePaths(input, pathsOf(f, context, env, input), context.budget))),
};
