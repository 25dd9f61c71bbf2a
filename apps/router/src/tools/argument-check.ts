import { createHash } from 'node:crypto';
import { AppError, type Fault } from '@mcp-router/shared';
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';

/** Schemas come from servers: bigger ones are not compiled, their arguments are left for the server to check. */
const MAX_SCHEMA_BYTES = 262_144;
const MAX_KEPT = 2_000;
const MAX_FAULTS = 50;

const OPTIONS: Options = { strict: false, allErrors: true, validateFormats: true, logger: false, addUsedSchema: false };

/**
 * Checks arguments against a tool's own input schema (2020-12, or draft 7 where it says so). Compiled once for each
 * different schema. A schema that cannot be compiled (or refers to others elsewhere) checks nothing.
 */
export class ArgumentCheck {
  private readonly compiled = new Map<string, ValidateFunction | null>();

  /** @param schema the input schema, JSON text @throws AppError `invalid_arguments` with a pointer for each fault */
  check(tool: string, schema: string, args: unknown): void {
    const validate = this.compile(schema);
    if (!validate || validate(args)) return;
    const errors = (validate.errors ?? []).slice(0, MAX_FAULTS).map(toFault);
    throw new AppError('invalid_arguments', `The arguments do not match the input schema of "${tool}"`, {
      errors,
      hint: `GET /api/v1/tools/${tool} shows the schema`,
    });
  }

  private compile(schema: string): ValidateFunction | null {
    const key = createHash('sha256').update(schema).digest('base64');
    const known = this.compiled.get(key);
    if (known !== undefined) return known;
    let validate: ValidateFunction | null = null;
    if (schema.length <= MAX_SCHEMA_BYTES) {
      try {
        validate = newAjv(schema).compile(withoutId(schema));
      } catch {
        // What the validator cannot read the server may still understand.
      }
    }
    if (this.compiled.size >= MAX_KEPT)
      for (const oldest of this.compiled.keys()) if (this.compiled.delete(oldest)) break;
    this.compiled.set(key, validate);
    return validate;
  }
}

function newAjv(schema: string): Ajv {
  const ajv = /"\$schema"\s*:\s*"https?:\/\/json-schema\.org\/draft-0[4-7]\//.test(schema)
    ? new Ajv(OPTIONS)
    : new Ajv2020(OPTIONS);
  addFormats(ajv);
  return ajv;
}

/** Two servers may give different schemas the same id, and one may name a dialect that is not loaded. */
function withoutId(schema: string): object {
  const { $id: _id, $schema: _dialect, ...rest } = JSON.parse(schema) as Record<string, unknown>;
  return rest;
}

function toFault({ instancePath, keyword, params, message }: ErrorObject): Fault {
  const { missingProperty, additionalProperty } = params as { missingProperty?: string; additionalProperty?: string };
  const member = keyword === 'required' ? missingProperty : additionalProperty;
  const pointer =
    member === undefined ? instancePath : `${instancePath}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (keyword === 'required') return { pointer, detail: 'is required' };
  if (additionalProperty !== undefined) return { pointer, detail: 'is not a known argument' };
  return { pointer, detail: message ?? keyword };
}
