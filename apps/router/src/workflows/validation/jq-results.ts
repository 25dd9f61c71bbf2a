import type { JqNode } from '../expressions/syntax';
import { arrayOf, BOOLEAN, COUNT, NUMBER, STRING, type Type, typeOfValue, union } from './types';

/** Functions whose result does not depend on what they are given. */
export const RESULTS: Readonly<Record<string, Type>> = {
  'not/0': BOOLEAN,
  'length/0': [{ kind: 'number', min: 0, max: Infinity, isInteger: false }],
  'utf8bytelength/0': COUNT,
  'type/0': union(...['null', 'boolean', 'number', 'string', 'array', 'object'].map(typeOfValue)),
  'keys/0': arrayOf(union(STRING, COUNT)),
  'keys_unsorted/0': arrayOf(union(STRING, COUNT)),
  'has/1': BOOLEAN,
  'in/1': BOOLEAN,
  'contains/1': BOOLEAN,
  'inside/1': BOOLEAN,
  'any/0': BOOLEAN,
  'any/1': BOOLEAN,
  'any/2': BOOLEAN,
  'all/0': BOOLEAN,
  'all/1': BOOLEAN,
  'all/2': BOOLEAN,
  'isempty/1': BOOLEAN,
  'startswith/1': BOOLEAN,
  'endswith/1': BOOLEAN,
  'test/1': BOOLEAN,
  'test/2': BOOLEAN,
  'tostring/0': STRING,
  'tojson/0': STRING,
  'tonumber/0': NUMBER,
  'toboolean/0': BOOLEAN,
  'ascii_downcase/0': STRING,
  'ascii_upcase/0': STRING,
  'trim/0': STRING,
  'ltrim/0': STRING,
  'rtrim/0': STRING,
  'join/1': STRING,
  'implode/0': STRING,
  'explode/0': arrayOf(COUNT),
  'split/1': arrayOf(STRING),
  'split/2': arrayOf(STRING),
  'splits/1': STRING,
  'sub/2': STRING,
  'gsub/2': STRING,
  'todate/0': STRING,
  'strftime/1': STRING,
  'now/0': NUMBER,
  'fromdate/0': NUMBER,
  'mktime/0': NUMBER,
  'floor/0': NUMBER,
  'ceil/0': NUMBER,
  'round/0': NUMBER,
  'sqrt/0': NUMBER,
  'abs/0': NUMBER,
  'range/1': NUMBER,
  'range/2': NUMBER,
  'range/3': NUMBER,
};

/** Functions that always have exactly one output. */
const ONE_OUTPUT: ReadonlySet<string> = new Set([
  ...Object.keys(RESULTS).filter((key) => !/^(range|splits|sub|gsub)\//.test(key)),
  ...[
    'map/1',
    'add/0',
    'sort/0',
    'sort_by/1',
    'group_by/1',
    'unique/0',
    'unique_by/1',
    'reverse/0',
    'first/0',
    'last/0',
  ],
  ...[
    'min/0',
    'max/0',
    'min_by/1',
    'max_by/1',
    'to_entries/0',
    'from_entries/0',
    'with_entries/1',
    'flatten/0',
    'flatten/1',
  ],
  ...[
    'fromjson/0',
    'ltrimstr/1',
    'rtrimstr/1',
    'keys/0',
    'error/0',
    'error/1',
    'transpose/0',
    'del/1',
    'index/1',
    'indices/1',
  ],
]);

/** Whether an expression may have no output at all. */
export function mayBeEmpty(node: JqNode): boolean {
  switch (node.kind) {
    case 'identity':
    case 'literal':
    case 'variable':
    case 'array':
    case 'format':
      return false;
    case 'index':
      return mayBeEmpty(node.target) || mayBeEmpty(node.index);
    case 'slice':
      return mayBeEmpty(node.target);
    case 'text':
      return node.parts.some((part) => typeof part !== 'string' && mayBeEmpty(part));
    case 'object':
      return node.entries.some(({ key, value }) => mayBeEmpty(key) || mayBeEmpty(value));
    case 'negate':
      return mayBeEmpty(node.body);
    case 'pipe':
    case 'and':
    case 'or':
    case 'binary':
      return mayBeEmpty(node.left) || mayBeEmpty(node.right);
    case 'comma':
      return mayBeEmpty(node.left) && mayBeEmpty(node.right);
    case 'alternative':
      return mayBeEmpty(node.right);
    case 'if':
      return (
        mayBeEmpty(node.condition) || mayBeEmpty(node.then) || (node.otherwise ? mayBeEmpty(node.otherwise) : false)
      );
    case 'call':
      return !(ONE_OUTPUT.has(`${node.name}/${node.args.length}`) && !node.args.some((arg) => mayBeEmpty(arg)));
    case 'bind':
      return mayBeEmpty(node.source) || mayBeEmpty(node.body);
    default:
      return true;
  }
}
