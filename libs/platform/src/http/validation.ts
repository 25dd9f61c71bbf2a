import { StandardSchemaValidationPipe } from '@nestjs/common';
import { AppError, type Fault } from '@mcp-router/shared';

interface Issue {
  message: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}

const MAX_FAULTS = 50;

/** Schema issues as faults with JSON Pointers (RFC 6901). */
function toFaults(issues: readonly Issue[]): Fault[] {
  return issues.slice(0, MAX_FAULTS).map(({ path = [], message }) => ({
    pointer: path.map((part) => `/${escape(String(typeof part === 'object' ? part.key : part))}`).join(''),
    detail: message,
  }));
}

const escape = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1');

/** Validates what is declared with `{ schema }` on a parameter; a mismatch is `invalid_request` with a pointer per fault. */
export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => {
    const errors = toFaults(issues);
    const first = errors[0];
    return new AppError(
      'invalid_request',
      first ? `${first.pointer || 'The request'}: ${first.detail}` : 'The request is not valid',
      { errors },
    );
  },
});
