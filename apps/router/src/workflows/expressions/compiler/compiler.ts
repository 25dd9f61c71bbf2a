import type { Json } from '../../definition/json';
import { indexCode, iterateCode, recurse, sliceCode } from './access';
import { compileBind, compileForeach, compileReduce } from './bindings';
import { compileCall, compileDefine } from './calls';
import { type Code, single } from './code';
import { arrayCode, formatCode, objectCode, textCode } from './construction';
import { leave, untilLeft } from './early-exit';
import { alternativeCode, binaryCode, commaCode, ifCode, logicCode, negateCode, pipeCode, tryCode } from './operators';
import { depthOf, frameAt, type Scope } from './scope';
import { ExpressionFault, type JqNode } from '../syntax';
import { updateCode } from './updates';

/** Compiles a syntax tree to closures. Unknown functions and the forbidden ones are faults here already. */
export function compileNode(node: JqNode): Code {
  return compile(node, null);
}

function compile(node: JqNode, scope: Scope): Code {
  const inner = (child: JqNode): Code => compile(child, scope);
  switch (node.kind) {
    case 'identity':
      return IDENTITY;
    case 'literal': {
      const { value } = node;
      return single(() => value);
    }
    case 'variable':
      return compileVariable(node.name, node.at, scope);
    case 'index':
      return indexCode(inner(node.target), inner(node.index), node.at);
    case 'slice':
      return sliceCode(inner(node.target), node.from && inner(node.from), node.to && inner(node.to), node.at);
    case 'iterate':
      return iterateCode(inner(node.target), node.at);
    case 'recurse':
      return { run: (context, _env, input, path, emit) => recurse(context, input, path, emit) };
    case 'array':
      return arrayCode(node.body && inner(node.body));
    case 'object':
      return objectCode(node.entries.map(({ key, value }) => ({ key: inner(key), value: inner(value), at: key.at })));
    case 'text': {
      const parts = node.parts.map((part) => (typeof part === 'string' ? part : inner(part)));
      return textCode(parts, node.format, node.at);
    }
    case 'format':
      return formatCode(node.name, node.at);
    case 'negate':
      return negateCode(inner(node.body), node.at);
    case 'pipe':
      return pipeCode(inner(node.left), inner(node.right));
    case 'comma':
      return commaCode(inner(node.left), inner(node.right));
    case 'and':
    case 'or':
      return logicCode(node.kind === 'or', inner(node.left), inner(node.right));
    case 'alternative':
      return alternativeCode(inner(node.left), inner(node.right));
    case 'binary':
      return binaryCode(node.operator, inner(node.left), inner(node.right), node.at);
    case 'update':
      return updateCode(node.operator, inner(node.left), inner(node.right), node.at);
    case 'if':
      return ifCode(inner(node.condition), inner(node.then), node.otherwise ? inner(node.otherwise) : IDENTITY);
    case 'try':
      return tryCode(inner(node.body), node.handler && inner(node.handler));
    case 'reduce':
      return compileReduce(node, scope, compile);
    case 'foreach':
      return compileForeach(node, scope, compile);
    case 'bind':
      return compileBind(node, scope, compile);
    case 'label':
      return labelCode(compile(node.body, { kind: 'label', name: node.name, next: scope }));
    case 'break':
      return compileBreak(node.name, node.at, scope);
    case 'define':
      return compileDefine(node, scope, compile);
    case 'call':
      return compileCall(node, scope, compile);
  }
}

const IDENTITY: Code = {
  one: (_context, _env, input) => input,
  run: (_context, _env, input, path, emit) => emit(input, path),
};

function compileVariable(name: string, at: number, scope: Scope): Code {
  const depth = depthOf(scope, 'variable', name);
  if (depth !== undefined) return single((_context, env) => frameAt(env, depth).value as Json);
  if (name === 'ENV')
    throw new ExpressionFault('forbidden', '`$ENV`: the environment of the router is not visible', at);
  return single((context) => {
    const value = Object.hasOwn(context.globals, name) ? context.globals[name] : undefined;
    if (value === undefined) throw new ExpressionFault('unknown', `$${name} is not defined here`, at);
    return value;
  });
}

/** `label $name | body`. */
function labelCode(body: Code): Code {
  return {
    run(context, env, input, path, emit) {
      const label = {};
      untilLeft(label, () => body.run(context, { value: label, next: env }, input, path, emit));
    },
  };
}

function compileBreak(name: string, at: number, scope: Scope): Code {
  const depth = depthOf(scope, 'label', name);
  if (depth === undefined) throw new ExpressionFault('unknown', `There is no label $${name}`, at);
  return { run: (_context, env) => leave(frameAt(env, depth).value as object) };
}
