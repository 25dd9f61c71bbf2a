import { UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import type { Contract } from '@mcp-router/shared';
import { throwError, type Observable } from 'rxjs';
import type { z } from 'zod';
import type { BusContext } from './context';

/** A method that answers a contract: once (Promise) or many times in order (Observable). */
export type Handler<I extends z.ZodType, O extends z.ZodType> = (
  input: z.output<I>,
  context: BusContext,
) => Promise<z.output<O>> | Observable<z.output<O>>;

/** Nest's own filter turns every error it does not know into "Internal server error"; the bus needs the error itself. */
const passError: RpcExceptionFilter = { catch: (error: unknown) => throwError(() => error) };

/**
 * Marks the controller method that answers `contract`. A method whose types differ from the contract's does not
 * compile. The input has been validated by the contract's schema before the method runs.
 */
export function Handles<I extends z.ZodType, O extends z.ZodType>(contract: Contract<I, O>) {
  return <M extends Handler<I, O>>(target: object, key: string, method: TypedPropertyDescriptor<M>): void => {
    Payload()(target, key, 0);
    Ctx()(target, key, 1);
    UseFilters(passError)(target, key, method);
    MessagePattern(contract.pattern, { contract })(target, key, method);
  };
}
