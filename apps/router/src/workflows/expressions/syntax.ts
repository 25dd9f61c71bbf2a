import type { Json } from '../definition/json';

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '==' | '!=' | '<' | '<=' | '>' | '>=';
export type UpdateOperator = '=' | '|=' | '+=' | '-=' | '*=' | '/=' | '%=' | '//=';

/** What `as` binds: one variable, or the variables of a structure. */
export type Pattern =
  | { kind: 'variable'; name: string }
  | { kind: 'array'; items: Pattern[] }
  | { kind: 'object'; entries: { variable?: string; key?: JqNode; value?: Pattern }[] };

/** The syntax tree of a jq program; `at` is the offset in the text where the construct begins. */
export type JqNode = { at: number } & (
  | { kind: 'identity' }
  | { kind: 'recurse' }
  | { kind: 'literal'; value: Json }
  | { kind: 'text'; format: string; parts: (string | JqNode)[] }
  | { kind: 'format'; name: string }
  | { kind: 'index'; target: JqNode; index: JqNode }
  | { kind: 'slice'; target: JqNode; from?: JqNode; to?: JqNode }
  | { kind: 'iterate'; target: JqNode }
  | { kind: 'array'; body?: JqNode }
  | { kind: 'object'; entries: { key: JqNode; value: JqNode }[] }
  | { kind: 'negate'; body: JqNode }
  | { kind: 'pipe' | 'comma' | 'and' | 'or' | 'alternative'; left: JqNode; right: JqNode }
  | { kind: 'binary'; operator: BinaryOperator; left: JqNode; right: JqNode }
  | { kind: 'update'; operator: UpdateOperator; left: JqNode; right: JqNode }
  | { kind: 'if'; condition: JqNode; then: JqNode; otherwise?: JqNode }
  | { kind: 'try'; body: JqNode; handler?: JqNode }
  | { kind: 'reduce'; source: JqNode; pattern: Pattern; init: JqNode; update: JqNode }
  | { kind: 'foreach'; source: JqNode; pattern: Pattern; init: JqNode; update: JqNode; extract?: JqNode }
  | { kind: 'bind'; source: JqNode; patterns: Pattern[]; body: JqNode }
  | { kind: 'label'; name: string; body: JqNode }
  | { kind: 'break'; name: string }
  | { kind: 'variable'; name: string }
  | { kind: 'call'; name: string; args: JqNode[] }
  | { kind: 'define'; name: string; params: string[]; body: JqNode; rest: JqNode }
);

/** Why an expression has no value. `syntax` and `forbidden` are known before it runs. */
export type ExpressionFaultKind = 'syntax' | 'unknown' | 'forbidden' | 'regex' | 'runtime' | 'limit';

/** A fault of an expression; the engine turns it into the standard's error type `expression`, status 400. */
export class ExpressionFault extends Error {
  constructor(
    readonly kind: ExpressionFaultKind,
    message: string,
    /** Offset in the text of the expression, from 0. */
    readonly at?: number,
    /** The value that `error` was given, when it was not a text. */
    readonly value?: Json,
  ) {
    super(message);
    this.name = 'ExpressionFault';
  }
}

/** The children of a node, in the order of the text. */
export function childrenOf(node: JqNode): JqNode[] {
  switch (node.kind) {
    case 'text':
      return node.parts.filter((part) => typeof part !== 'string');
    case 'index':
      return [node.target, node.index];
    case 'slice':
      return [node.target, node.from, node.to].filter((child) => child !== undefined);
    case 'iterate':
      return [node.target];
    case 'array':
      return node.body ? [node.body] : [];
    case 'object':
      return node.entries.flatMap(({ key, value }) => [key, value]);
    case 'negate':
    case 'label':
      return [node.body];
    case 'pipe':
    case 'comma':
    case 'and':
    case 'or':
    case 'alternative':
    case 'binary':
    case 'update':
      return [node.left, node.right];
    case 'if':
      return [node.condition, node.then, node.otherwise].filter((child) => child !== undefined);
    case 'try':
      return [node.body, node.handler].filter((child) => child !== undefined);
    case 'reduce':
      return [node.source, ...patternNodes(node.pattern), node.init, node.update];
    case 'foreach':
      return [node.source, ...patternNodes(node.pattern), node.init, node.update, node.extract].filter(
        (child) => child !== undefined,
      );
    case 'bind':
      return [node.source, ...node.patterns.flatMap(patternNodes), node.body];
    case 'call':
      return node.args;
    case 'define':
      return [node.body, node.rest];
    case 'identity':
    case 'recurse':
    case 'literal':
    case 'format':
    case 'break':
    case 'variable':
      return [];
  }
}

function patternNodes(pattern: Pattern): JqNode[] {
  if (pattern.kind === 'variable') return [];
  if (pattern.kind === 'array') return pattern.items.flatMap(patternNodes);
  return pattern.entries.flatMap(({ key, value }) => [...(key ? [key] : []), ...(value ? patternNodes(value) : [])]);
}

/** The variables that a pattern binds. */
export function patternVariables(pattern: Pattern): string[] {
  if (pattern.kind === 'variable') return [pattern.name];
  if (pattern.kind === 'array') return pattern.items.flatMap(patternVariables);
  return pattern.entries.flatMap(({ variable, value }) => [
    ...(variable === undefined ? [] : [variable]),
    ...(value ? patternVariables(value) : []),
  ]);
}
