import type { Bus } from '@mcp-router/platform';
import type { Principal } from '@mcp-router/shared';
import type { z } from 'zod';

/** What a tool of the router may use. */
export interface BuiltinContext {
  bus: Bus;
  principal: Principal;
  signal: AbortSignal;
}

/** A tool of the server `router`, which is the router itself. */
export interface BuiltinTool<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  /** Its public name is `router__<name>`. */
  readonly name: string;
  readonly title: string;
  /** Written for a model that decides whether to call it. */
  readonly description: string;
  readonly inputSchema: I;
  /** An object. */
  readonly outputSchema: O;
  readonly annotations: {
    readOnlyHint: boolean;
    destructiveHint?: boolean;
    idempotentHint?: boolean;
    openWorldHint?: boolean;
  };
  /** To all others it does not exist. */
  readonly requiredRole: Principal['role'];
  /** Failures are `AppError`s; they reach the caller as a result with `isError`. */
  run(input: z.output<I>, context: BuiltinContext): Promise<z.output<O>>;
}

/** Checks the types of a tool and forgets them, so that tools of all types fit into one list. */
export function builtinTool<I extends z.ZodObject, O extends z.ZodType>(tool: BuiltinTool<I, O>): BuiltinTool {
  return tool;
}

/** Whether a caller with `role` may know of a tool. */
export function isForRole(tool: BuiltinTool, role: Principal['role']): boolean {
  return role === 'admin' || tool.requiredRole === 'member';
}
