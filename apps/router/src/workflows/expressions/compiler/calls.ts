import { builtinCode, FORBIDDEN } from '../builtins/builtins';
import { PRELUDE, type PreludeFunction } from '../builtins/prelude';
import { type Closure, type Code, type Env, valuesOf } from './code';
import { type Compile, frameAt, type Scope } from './scope';
import { ExpressionFault, type JqNode } from '../syntax';

/** A function's body; its frame holds the function itself, then its parameters, then the values of those with `$`. */
function compileFunction(params: string[], body: JqNode, scope: Scope, compile: Compile): Code {
  let inner = scope;
  for (const param of params) inner = { kind: 'closure', name: `${param.replace('$', '')}/0`, next: inner };
  const values = params.filter((param) => param.startsWith('$')).map((param) => param.slice(1));
  for (const name of values) inner = { kind: 'variable', name, next: inner };
  const code = compile(body, inner);
  if (values.length === 0) return code;
  const places = params.flatMap((param, index) => (param.startsWith('$') ? [params.length - 1 - index] : []));
  return {
    run(context, env, input, path, emit) {
      const bind = (index: number, bound: Env): void => {
        const place = places[index];
        if (place === undefined) {
          code.run(context, bound, input, path, emit);
          return;
        }
        const { code: argument, env: argumentEnv } = frameAt(env, place).value as Closure;
        valuesOf(argument, context, argumentEnv ?? null, input, (value) => bind(index + 1, { value, next: bound }));
      };
      bind(0, env);
    },
  };
}

const preludeCode = new Map<string, Code>();

/** `def name(params): body; rest`. */
export function compileDefine(node: Extract<JqNode, { kind: 'define' }>, scope: Scope, compile: Compile): Code {
  const inner: Scope = { kind: 'function', name: `${node.name}/${node.params.length}`, next: scope };
  const body = compileFunction(node.params, node.body, inner, compile);
  const rest = compile(node.rest, inner);
  return {
    run: (context, env, input, path, emit) =>
      rest.run(context, { value: { code: body }, next: env }, input, path, emit),
  };
}

/** `name(args)`: a parameter or function in scope, else a builtin. Unknown functions and the forbidden ones are faults. */
export function compileCall(node: Extract<JqNode, { kind: 'call' }>, scope: Scope, compile: Compile): Code {
  const { name, at } = node;
  const key = `${name}/${node.args.length}`;
  let depth = 0;
  for (let entry = scope; entry !== null; entry = entry.next, depth += 1) {
    if (entry.name !== key) continue;
    if (entry.kind === 'closure') return callClosure(depth);
    if (entry.kind === 'function')
      return callFunction(
        depth,
        node.args.map((arg) => compile(arg, scope)),
      );
  }
  const reason = FORBIDDEN.get(name);
  if (reason !== undefined) throw new ExpressionFault('forbidden', `\`${name}\`: ${reason}`, at);
  const args = node.args.map((arg) => compile(arg, scope));
  const builtin = builtinCode(key, args, at);
  if (builtin) return builtin;
  const prelude = PRELUDE.get(key);
  if (!prelude) throw new ExpressionFault('unknown', `There is no function \`${key}\``, at);
  return callPrelude(key, prelude, args, compile);
}

function callClosure(depth: number): Code {
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      const { code, env: captured } = frameAt(env, depth).value as Closure;
      code.run(context, captured ?? null, input, path, emit);
    },
  };
}

function withArguments(args: Code[], base: Env, env: Env): Env {
  return args.reduce<Env>((next, code) => ({ value: { code, env }, next }), base);
}

function callFunction(depth: number, args: Code[]): Code {
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      const frame = frameAt(env, depth);
      (frame.value as Closure).code.run(context, withArguments(args, frame, env), input, path, emit);
    },
  };
}

/** Functions that are written in jq are compiled when first used; they may call themselves, so not before they run. */
function callPrelude(key: string, { params, body }: PreludeFunction, args: Code[], compile: Compile): Code {
  return {
    run(context, env, input, path, emit) {
      context.budget.tick();
      let code = preludeCode.get(key);
      if (!code) {
        code = compileFunction(params, body, null, compile);
        preludeCode.set(key, code);
      }
      code.run(context, withArguments(args, null, env), input, path, emit);
    },
  };
}
