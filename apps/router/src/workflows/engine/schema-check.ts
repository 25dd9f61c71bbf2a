import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { default as addFormats } from 'ajv-formats';
import { isObject, type Json } from '../definition/json';

/** Checks data against JSON Schemas (2020-12), each compiled once. */
export class SchemaCheck {
  private readonly compiled = new WeakMap<object, ValidateFunction>();

  /** What does not fit, as text; undefined when all does. @throws Error for a schema that is none */
  faults(schema: Json, data: Json): string | undefined {
    if (schema === false) return 'nothing is allowed';
    if (!isObject(schema)) return undefined;
    let validate = this.compiled.get(schema);
    if (!validate) {
      const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, addUsedSchema: false });
      addFormats(ajv);
      const { $schema: _dialect, ...rest } = schema;
      this.compiled.set(schema, (validate = ajv.compile(rest)));
    }
    if (validate(data)) return undefined;
    return (validate.errors ?? [])
      .slice(0, 10)
      .map(({ instancePath, message }) => `${instancePath === '' ? '/' : instancePath} ${message ?? ''}`)
      .join('; ');
  }
}
