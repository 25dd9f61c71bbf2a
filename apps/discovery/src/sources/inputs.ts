import type { CandidateInput, ServerDefinition } from '@mcp-router/shared';
import { AppError } from '@mcp-router/shared';

export type Input = CandidateInput;

/** What becomes of a candidate when it is approved, with `{name}` where a value has to be filled in. */
export interface Template {
  /** The program and its arguments. */
  command?: string[];
  env?: Record<string, string>;
  headers?: Record<string, string>;
}

/** `{name}` of the registry. */
const OPEN = /\{([^{}]+)\}/g;
/** `${name}` of client files: `${input:token}`, `${env:HOME}`, `${VAR}`; one with a default needs no value. */
const PLACEHOLDER = /\$\{([^{}]*)\}/g;

/** The names that a text of the registry leaves open. */
export function openIn(text: string): string[] {
  return [...text.matchAll(OPEN)].map(([, name = '']) => name);
}

/** The names that the definition of a client's file leaves open. Values of variables and headers count as secret. */
export function placeholdersIn({ url, command, args, cwd, env, headers }: Partial<ServerDefinition>): Input[] {
  const inputs = new Map<string, Input>();
  const look = (text: string | undefined, secret: boolean) => {
    for (const [, name = ''] of (text ?? '').matchAll(PLACEHOLDER))
      if (!inputs.has(name)) inputs.set(name, { name, required: true, secret });
  };
  for (const text of [url, command, cwd, ...(args ?? [])]) look(text, false);
  for (const text of [...Object.values(env ?? {}), ...Object.values(headers ?? {})]) look(text, true);
  return [...inputs.values()];
}

/**
 * Fills in the values that somebody gave.
 *
 * @throws AppError `invalid_request` with a pointer for each value that is missing, unknown or not among its choices
 */
export class Filling {
  private readonly values: Map<string, string>;

  constructor(inputs: readonly Input[], given: Record<string, string>) {
    const errors = [
      ...inputs.flatMap(({ name, required, choices, default: usual }) => {
        const value = given[name] ?? usual;
        if (value === undefined) return required ? [{ pointer: pointerTo(name), detail: 'is needed' }] : [];
        if (choices?.length && !choices.includes(value))
          return [{ pointer: pointerTo(name), detail: `must be one of ${choices.join(', ')}` }];
        return [];
      }),
      ...Object.keys(given)
        .filter((name) => !inputs.some((input) => input.name === name))
        .map((name) => ({ pointer: pointerTo(name), detail: 'is not asked for' })),
    ];
    if (errors.length > 0)
      throw new AppError('invalid_request', 'The values do not fit what the server leaves open', {
        errors,
        hint: 'Approve it with {"values": {"name": "value"}}; the candidate’s "inputs" name them',
      });
    this.values = new Map(
      inputs.flatMap(({ name, default: usual }) => {
        const value = given[name] ?? usual;
        return value === undefined ? [] : [[name, value] as const];
      }),
    );
  }

  /** @returns undefined when a value is missing that is not needed */
  open(text: string): string | undefined {
    return this.put(text, OPEN);
  }

  placeholders(text: string): string {
    return this.put(text, PLACEHOLDER) ?? text;
  }

  /** Of a map the members that have all their values. */
  openMap(map: Record<string, string>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(map).flatMap(([name, text]) => {
        const filled = this.open(text);
        return filled === undefined ? [] : [[name, filled]];
      }),
    );
  }

  placeholderMap(map: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries(map).map(([name, text]) => [name, this.placeholders(text)]));
  }

  private put(text: string, pattern: RegExp): string | undefined {
    const names = [...text.matchAll(pattern)].map(([, name = '']) => name);
    if (names.some((name) => !this.values.has(name))) return undefined;
    return text.replaceAll(pattern, (whole, name: string) => this.values.get(name) ?? whole);
  }
}

const pointerTo = (name: string) => `/values/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
