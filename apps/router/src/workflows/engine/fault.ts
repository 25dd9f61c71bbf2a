import { AppError } from '@mcp-router/shared';
import { ExpressionFault } from '../expressions/syntax';
import type { WorkflowError } from './event';

const BASE = 'https://serverlessworkflow.io/spec/1.0.0/errors/';

/** The standard's errors with their default status and title. */
const STANDARD = {
  configuration: [400, 'Configuration Error'],
  validation: [400, 'Validation Error'],
  expression: [400, 'Expression Error'],
  authentication: [401, 'Authentication Error'],
  authorization: [403, 'Authorization Error'],
  timeout: [408, 'Timeout Error'],
  communication: [500, 'Communication Error'],
  runtime: [500, 'Runtime Error'],
} as const;

export type FaultKind = keyof typeof STANDARD;

/** How the standard's own conformance kit and older documents write the types that the reference puts below `BASE`. */
const OTHER_BASE = 'https://serverlessworkflow.io/dsl/errors/types/';

/** The one name of a type of error, however it is written. */
export function errorType(type: string): string {
  return type.startsWith(OTHER_BASE) ? BASE + type.slice(OTHER_BASE.length) : type;
}

/** An error of a workflow on its way to the `catch` that takes it, or out of the run. */
export class WorkflowFault extends Error {
  constructor(readonly error: WorkflowError) {
    super(error.detail ?? error.title ?? error.type);
    this.name = 'WorkflowFault';
  }

  /** One of the standard's own errors. */
  static of(kind: FaultKind, detail: string, extra: Partial<WorkflowError> = {}): WorkflowFault {
    const [status, title] = STANDARD[kind];
    return new WorkflowFault({ type: BASE + kind, status, title, detail, ...extra });
  }

  /** Any thrown value as a fault that came up in the task at `instance`. */
  static from(thrown: unknown, instance: string): WorkflowFault {
    if (thrown instanceof WorkflowFault)
      return thrown.error.instance === undefined ? new WorkflowFault({ ...thrown.error, instance }) : thrown;
    if (thrown instanceof ExpressionFault) return WorkflowFault.of('expression', thrown.message, { instance });
    const { code, detail, status, hint } = AppError.from(thrown);
    const text = hint === undefined ? detail : `${detail}. ${hint}`;
    return WorkflowFault.of(KINDS[code] ?? 'runtime', `${code}: ${text}`, {
      instance,
      ...(code in KINDS && KINDS[code] !== 'timeout' ? { status } : {}),
    });
  }
}

const KINDS: Readonly<Record<string, FaultKind>> = {
  invalid_arguments: 'validation',
  tool_not_found: 'configuration',
  server_not_found: 'configuration',
  resource_not_found: 'configuration',
  unauthorized: 'authentication',
  forbidden: 'authorization',
  tool_held: 'authorization',
  url_refused: 'authorization',
  upstream_unavailable: 'communication',
  upstream_error: 'communication',
  upstream_overloaded: 'communication',
  instance_lost: 'communication',
  no_instance: 'communication',
  upstream_timeout: 'timeout',
  deadline_exceeded: 'timeout',
};
