import { createHash } from 'node:crypto';
import {
  contextOf,
  readTraceparent,
  runInContext,
  toTraceparent,
  tracer,
  type TraceContext,
} from '@mcp-router/platform';
import { AppError } from '@mcp-router/shared';
import type { RunEvent } from './event';
import type { Effect } from './host';
import type { RunRow } from './run-store';

/** As many of a UUIDv7's digits as a span's id has: the random ones. */
const SPAN_DIGITS = 16;

/**
 * Where a run stands in the trace of whoever started it. Its ids follow from the run, so every process that takes the run
 * over goes on with the same span. A run that nobody's trace began has a trace of its own.
 */
function traceOfRun({ id, traceparent }: Pick<RunRow, 'id' | 'traceparent'>): TraceContext {
  const parent = readTraceparent(traceparent ?? undefined);
  const digits = id.replaceAll('-', '');
  const isSampled = parent?.isSampled ?? tracer.keeps(digits);
  return { traceId: parent?.traceId ?? digits, spanId: digits.slice(-SPAN_DIGITS), isSampled };
}

/** Carries out one effect of a run as the one who started it, as a span of the run while somebody collects traces. */
export async function inTraceOf<T>(row: RunRow, effect: Effect, perform: () => Promise<T>): Promise<T> {
  const { principal, traceparent: given } = row;
  if (!tracer.isOn) return runInContext(contextOf({ principal, traceparent: given ?? undefined }), perform);
  const run = toTraceparent(traceOfRun(row));
  const span = tracer.span(nameOf(effect), 'internal', run, {
    ...attributesOf(row),
    'mcp_router.task.kind': effect.kind,
  });
  try {
    const result = await runInContext(contextOf({ principal, traceparent: span?.traceparent ?? run }), perform);
    span?.end();
    return result;
  } catch (error) {
    span?.end(error instanceof AppError ? error.code : 'fault');
    throw error;
  }
}

/** Tells the spans of what has ended in the history of a run: its tasks, and the run itself. */
export function traceEvents(row: RunRow, events: readonly RunEvent[]): void {
  if (!tracer.isOn) return;
  const run = traceOfRun(row);
  const name = `${row.namespace}/${row.name}`;
  for (const event of events) {
    if (event.type === 'task.finished') {
      const { kind, pointer, startedAt } = event.data;
      tracer.add({
        context: { ...run, spanId: spanIdOf(row.id, event.path) },
        parentSpanId: run.spanId,
        name: `${kind} ${pointer}`,
        kind: 'internal',
        startedAt,
        endedAt: event.at,
        attributes: { ...attributesOf(row), 'mcp_router.task.kind': kind },
        error: undefined,
      });
    } else if (event.type === 'run.completed' || event.type === 'run.faulted' || event.type === 'run.cancelled') {
      const error = event.type === 'run.faulted' ? event.data.error.type : undefined;
      tracer.add({
        context: run,
        parentSpanId: readTraceparent(row.traceparent ?? undefined)?.spanId,
        name: `run ${name}`,
        kind: 'internal',
        startedAt: row.created_at.getTime(),
        endedAt: event.at,
        attributes: { ...attributesOf(row), 'mcp_router.run.outcome': event.type.slice(4), 'error.type': error },
        error,
      });
    }
  }
}

function nameOf(effect: Effect): string {
  if (effect.kind === 'call') return `call ${effect.task.call}`;
  return effect.kind === 'run' ? `run ${effect.workflow.namespace}/${effect.workflow.name}` : effect.kind;
}

function attributesOf({ id, namespace, name }: RunRow): Record<string, string> {
  return { 'mcp_router.workflow': `${namespace}/${name}`, 'mcp_router.run': id };
}

function spanIdOf(run: string, path: string): string {
  return createHash('sha256').update(`${run} ${path}`).digest('hex').slice(0, SPAN_DIGITS);
}
