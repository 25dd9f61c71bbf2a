import type { Code, Env, Frame } from './code';
import type { JqNode } from '../syntax';

/** Names in scope while an expression is compiled, innermost first: one entry for each frame that there will be when it runs. */
export type Scope = { kind: 'variable' | 'function' | 'closure' | 'label'; name: string; next: Scope } | null;

/** Compiles a node that stands inside another, with the names that it sees. */
export type Compile = (node: JqNode, scope: Scope) => Code;

/** How many frames down a name lies; undefined when it is not in scope. */
export function depthOf(scope: Scope, kind: 'variable' | 'label', name: string): number | undefined {
  let depth = 0;
  for (let entry = scope; entry !== null; entry = entry.next, depth += 1)
    if (entry.kind === kind && entry.name === name) return depth;
  return undefined;
}

/** The frame so far down. */
export function frameAt(env: Env, depth: number): Frame {
  let frame = env as Frame;
  for (let left = depth; left > 0; left -= 1) frame = frame.next as Frame;
  return frame;
}
