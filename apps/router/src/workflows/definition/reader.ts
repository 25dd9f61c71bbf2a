import { isObject, type Json, type JsonObject, pointerTo } from './json';
import { didYouMean } from './nearest';
import { DURATION_PARTS, parseIsoDuration } from './duration';
import { DEFINITION_LIMITS, type DefinitionLimits, type Duration } from './workflow';

/** Faults that the structure of a definition can have; their texts stand in the table of diagnostics. */
export type DefinitionFaultCode =
  | 'WF100'
  | 'WF101'
  | 'WF102'
  | 'WF103'
  | 'WF104'
  | 'WF105'
  | 'WF106'
  | 'WF107'
  | 'WF108'
  | 'WF109'
  | 'WF110'
  | 'WF111'
  | 'WF112';

/** Faults that do not keep a workflow from running. */
const WARNINGS: ReadonlySet<DefinitionFaultCode> = new Set(['WF104', 'WF105']);

export interface DefinitionFault {
  code: DefinitionFaultCode;
  severity: 'error' | 'warning';
  /** Where, as a JSON Pointer into the definition. */
  pointer: string;
  message: string;
  hint?: string;
}

/** More faults than these are of no use to anybody. */
const MAX_FAULTS = 1_000;

const EXPRESSION = /^\s*\$\{.+\}\s*$/s;

/** Whether a text is wholly an expression: `${ … }`. */
export function isExpression(text: string): boolean {
  return EXPRESSION.test(text);
}

export function definitionFault(
  code: DefinitionFaultCode,
  pointer: string,
  message: string,
  hint?: string,
): DefinitionFault {
  const severity = WARNINGS.has(code) ? 'warning' : 'error';
  return { code, severity, pointer, message, ...(hint === undefined ? {} : { hint }) };
}

/** Reads a JSON value piece by piece, noting every fault and going on with a harmless value, so that one pass finds all of them. */
export class Reader {
  readonly faults: DefinitionFault[] = [];
  taskCount = 0;

  constructor(
    readonly limits: DefinitionLimits = DEFINITION_LIMITS,
    /** Names of `use.functions`, known before the tasks are read. */
    readonly functions: ReadonlySet<string> = new Set(),
  ) {}

  fault(code: DefinitionFaultCode, pointer: string, message: string, hint?: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(definitionFault(code, pointer, message, hint));
  }

  /** The value as an object that has no other properties than `known`; undefined (and a fault) when it is no object. */
  object(
    value: Json | undefined,
    pointer: string,
    what: string,
    known?: readonly string[],
    required: readonly string[] = [],
  ): JsonObject | undefined {
    if (!isObject(value)) {
      this.fault('WF101', pointer, `${what} must be an object, not ${describe(value)}`);
      return undefined;
    }
    if (known) {
      for (const name of Object.keys(value)) {
        if (known.includes(name)) continue;
        const hint = didYouMean(name, known) ?? `Known here: ${known.join(', ')}`;
        this.fault('WF101', pointerTo(pointer, name), `${what} has no property \`${name}\``, hint);
      }
    }
    for (const name of required)
      if (value[name] === undefined) this.fault('WF101', pointer, `${what} needs \`${name}\``);
    return value;
  }

  list(value: Json | undefined, pointer: string, what: string): Json[] {
    if (Array.isArray(value)) return value;
    this.fault('WF101', pointer, `${what} must be a list, not ${describe(value)}`);
    return [];
  }

  /** The text under `name`; undefined when absent or (with a fault) of another type. */
  text(from: JsonObject, name: string, pointer: string): string | undefined {
    const value = from[name];
    if (value === undefined || typeof value === 'string') return value;
    const hint = typeof value === 'number' || typeof value === 'boolean' ? `Put it in quotes: "${value}"` : undefined;
    this.fault('WF101', pointerTo(pointer, name), `\`${name}\` must be text, not ${describe(value)}`, hint);
    return undefined;
  }

  flag(from: JsonObject, name: string, pointer: string, otherwise: boolean): boolean {
    const value = from[name];
    if (value === undefined || typeof value === 'boolean') return value ?? otherwise;
    this.fault('WF101', pointerTo(pointer, name), `\`${name}\` must be true or false, not ${describe(value)}`);
    return otherwise;
  }

  integer(from: JsonObject, name: string, pointer: string, minimum = Number.MIN_SAFE_INTEGER): number | undefined {
    const value = from[name];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum) return value;
    const wanted = minimum === Number.MIN_SAFE_INTEGER ? 'a whole number' : `a whole number of at least ${minimum}`;
    this.fault('WF101', pointerTo(pointer, name), `\`${name}\` must be ${wanted}, not ${describe(value)}`);
    return undefined;
  }

  /** One of a closed set of texts. */
  choice<T extends string>(from: JsonObject, name: string, pointer: string, choices: readonly T[], otherwise: T): T {
    const value = from[name];
    if (value === undefined) return otherwise;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const hint = typeof value === 'string' ? didYouMean(value, choices) : undefined;
    const at = pointerTo(pointer, name);
    this.fault('WF101', at, `\`${name}\` must be one of ${choices.join(', ')}, not ${describe(value)}`, hint);
    return otherwise;
  }

  /** The list of texts under `name`; empty when absent. */
  texts(from: JsonObject, name: string, pointer: string): string[] {
    if (from[name] === undefined) return [];
    const at = pointerTo(pointer, name);
    return this.list(from[name], at, `\`${name}\``).filter((item, index): item is string => {
      if (typeof item === 'string') return true;
      this.fault('WF101', pointerTo(at, index), `\`${name}\` must hold texts, not ${describe(item)}`);
      return false;
    });
  }

  /** An object or an expression that yields one. */
  structure(from: JsonObject, name: string, pointer: string): JsonObject | string | undefined {
    const value = from[name];
    if (value === undefined || typeof value === 'string' || isObject(value)) return value;
    this.fault(
      'WF101',
      pointerTo(pointer, name),
      `\`${name}\` must be an object or an expression, not ${describe(value)}`,
    );
    return undefined;
  }

  /** A duration: an object of parts, an ISO 8601 text, or an expression that yields one. */
  duration(value: Json | undefined, pointer: string): Duration {
    if (typeof value === 'string') {
      if (isExpression(value)) return { expression: value };
      const ms = parseIsoDuration(value);
      if (ms !== undefined) return { ms };
      const hint = 'Write an ISO 8601 duration such as PT30S, an object such as { seconds: 30 }, or ${ an expression }';
      this.fault('WF107', pointer, `"${value}" is not a duration`, hint);
      return { ms: 0 };
    }
    if (!isObject(value) || Object.keys(value).length === 0) {
      this.fault('WF107', pointer, `A duration must be an object or a text, not ${describe(value)}`);
      return { ms: 0 };
    }
    let ms = 0;
    for (const [part, amount] of Object.entries(value)) {
      const unit = DURATION_PARTS[part];
      const at = pointerTo(pointer, part);
      if (unit === undefined) {
        this.fault('WF107', at, `A duration has no part \`${part}\``, didYouMean(part, Object.keys(DURATION_PARTS)));
      } else if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 0) {
        this.fault('WF107', at, `\`${part}\` must be a whole number of at least 0, not ${describe(amount)}`);
      } else ms += amount * unit;
    }
    return { ms };
  }
}

/** What a value is, in the words of a message. */
export function describe(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
