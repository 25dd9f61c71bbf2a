import { Bus, type Answers, type Stop } from '@mcp-router/platform';
import { AppError, type Broadcast, type Contract, type RecordStream } from '@mcp-router/shared';
import { from } from 'rxjs';
import type { z } from 'zod';

type Answer = (input: never) => unknown;

/** A bus of one process whose other services are functions by pattern; what is recorded and broadcast is kept. */
export class FakeBus extends Bus {
  readonly instanceId = 'discovery-test';
  readonly isReady = true;
  readonly recordsDropped = 0;
  readonly calls: { pattern: string; input: unknown }[] = [];
  readonly records: { stream: string; payload: unknown }[] = [];
  private readonly listeners = new Map<string, Set<(payload: never) => void>>();

  constructor(readonly answers: Record<string, Answer> = {}) {
    super();
  }

  async call<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
  ): Promise<z.output<O>> {
    const parsed = contract.input.parse(input);
    this.calls.push({ pattern: contract.pattern, input: parsed });
    const answer = this.answers[contract.pattern];
    if (!answer) throw new AppError('no_instance', `nobody answers ${contract.pattern}`);
    return contract.output.parse(await answer(parsed as never));
  }

  ask<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
    answers: Answers<z.output<O>>,
  ): () => void {
    from(this.call(contract, input)).subscribe(answers);
    return () => undefined;
  }

  instances(): string[] {
    return [];
  }

  async broadcast<P extends z.ZodType>({ event }: Broadcast<P>, payload: z.input<P>): Promise<void> {
    for (const listener of this.listeners.get(event) ?? []) listener(payload as never);
  }

  listen<P extends z.ZodType>({ event }: Broadcast<P>, handler: (payload: z.output<P>) => void): () => void {
    const listeners = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, listeners.add(handler));
    return () => listeners.delete(handler);
  }

  onResume(): () => void {
    return () => undefined;
  }

  record<P extends z.ZodObject>({ stream, payload: schema }: RecordStream<P>, payload: z.input<P>): void {
    this.records.push({ stream, payload: schema.parse(payload) });
  }

  consume(): Stop {
    return async () => undefined;
  }
}
