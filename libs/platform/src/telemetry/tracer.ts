import {
  newSpanId,
  newTraceId,
  readTraceparent,
  toTraceparent,
  type Attributes,
  type FinishedSpan,
  type SpanKind,
  type TraceContext,
} from './span';

/** Takes spans that have ended; never waits, never throws. */
export interface SpanSink {
  add(span: FinishedSpan): void;
}

/** Work that is being timed as part of a trace. */
export class Span {
  private isOver = false;

  constructor(
    private readonly sink: SpanSink,
    readonly context: TraceContext,
    private readonly parentSpanId: string | undefined,
    private readonly name: string,
    private readonly kind: SpanKind,
    private readonly attributes: Attributes,
    private readonly startedAt: number,
  ) {}

  /** What is told to whoever does a part of the work. */
  get traceparent(): string {
    return toTraceparent(this.context);
  }

  /** @param error why it failed, as `error.type` names it */
  end(error?: string, attributes: Attributes = {}): void {
    if (this.isOver) return;
    this.isOver = true;
    const { context, parentSpanId, name, kind, startedAt } = this;
    if (!context.isSampled) return;
    this.sink.add({
      context,
      parentSpanId,
      name,
      kind,
      startedAt,
      endedAt: now(),
      attributes: { ...this.attributes, ...attributes, ...(error === undefined ? {} : { 'error.type': error }) },
      error,
    });
  }
}

/**
 * Makes spans while somebody collects them. Callers ask `isOn` first, so that a process without a collector pays one
 * comparison.
 */
export class Tracer {
  private sink: SpanSink | undefined;
  private ratio = 1;

  get isOn(): boolean {
    return this.sink !== undefined;
  }

  /** @param ratio share of the traces that begin here which are kept; the others' spans go nowhere */
  start(sink: SpanSink, ratio = 1): void {
    this.sink = sink;
    this.ratio = ratio;
  }

  stop(): void {
    this.sink = undefined;
  }

  /**
   * Begins a span below `traceparent`, or a trace without one. Undefined when nobody collects, or when whoever began the
   * trace has decided against it: its `traceparent` is then passed on as it is.
   */
  span(name: string, kind: SpanKind, traceparent: string | undefined, attributes: Attributes = {}): Span | undefined {
    if (!this.sink) return undefined;
    const parent = readTraceparent(traceparent);
    if (parent && !parent.isSampled) return undefined;
    const traceId = parent?.traceId ?? newTraceId();
    const context = { traceId, spanId: newSpanId(), isSampled: parent !== undefined || this.keeps(traceId) };
    return new Span(this.sink, context, parent?.spanId, name, kind, attributes, now());
  }

  /** Whether a trace that begins here is kept: the same for all who are asked. */
  keeps(traceId: string): boolean {
    return Number.parseInt(traceId.slice(-8), 16) < this.ratio * 2 ** 32;
  }

  /** Adds a span that is over already. */
  add(span: FinishedSpan): void {
    if (span.context.isSampled) this.sink?.add(span);
  }
}

/** Epoch milliseconds, finer than `Date.now()`. */
const now = (): number => performance.timeOrigin + performance.now();

/** The tracer of this process. */
export const tracer = new Tracer();
