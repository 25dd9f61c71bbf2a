import { AppError } from '@mcp-router/shared';

/** SQLSTATE `unique_violation`. */
const UNIQUE_VIOLATION = '23505';

/** Whether a statement failed because another row has the same unique values. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === UNIQUE_VIOLATION;
}

/**
 * For the `catch` of a statement that stores something under a name.
 *
 * @param detail for the caller, for example `An agent named "x" exists`
 * @throws AppError `conflict` when the name is taken, else what the statement threw
 */
export function refuseTaken(detail: string): (cause: unknown) => never {
  return (cause) => {
    throw isUniqueViolation(cause) ? new AppError('conflict', detail, { cause }) : cause;
  };
}
