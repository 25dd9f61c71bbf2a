import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isObject, type Json, type JsonObject } from '../definition/json';

const ajv = new Ajv2020({
  allErrors: true,
  strict: false,
  verbose: true,
  logger: false,
  validateSchema: false,
  addUsedSchema: false,
});
addFormats(ajv);
const schemaCheck = new Ajv2020({ strict: false, logger: false, allErrors: true, addUsedSchema: false });

const validators = new WeakMap<JsonObject, ValidateFunction | null>();

/** A validator of a schema, kept by its identity; null when the schema cannot be compiled. */
function validatorOf(schema: JsonObject, root: JsonObject): ValidateFunction | null {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  // Older drafts are read as 2020-12; definitions that a part refers to come with it.
  const { $schema: _schema, $id: _id, ...rest } = schema;
  const { $defs = {}, definitions = {} } = root;
  let validate: ValidateFunction | null = null;
  try {
    validate = ajv.compile(schema === root ? rest : { $defs, definitions, ...rest });
  } catch {
    // The catalogue's schemas are others' work; what cannot be compiled is not checked exactly.
  }
  validators.set(schema, validate);
  return validate;
}

/** What is wrong with a value, exactly; nothing when the schema itself cannot be used. */
export function schemaErrors(value: Json, schema: Json, root: JsonObject): ErrorObject[] {
  if (schema === false)
    return [{ keyword: 'false schema', instancePath: '', schemaPath: '', params: {}, message: 'must not be there' }];
  if (!isObject(schema)) return [];
  const validate = validatorOf(schema, root);
  if (!validate || validate(value)) return [];
  const errors = validate.errors ?? [];
  // Of alternatives that all fail, that none fits says more than why each does not.
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  return errors.filter(
    (error) =>
      !choices.some((choice) => choice !== error && error.schemaPath.startsWith(`${choice.schemaPath}/`)) &&
      error.keyword !== 'if',
  );
}

/** Why something is no JSON Schema of 2020-12: where in it, and what. */
export function schemaFaults(schema: Json): { pointer: string; message: string }[] {
  if (typeof schema === 'boolean') return [];
  if (!isObject(schema)) return [{ pointer: '', message: 'A schema is an object, true or false' }];
  const { $schema: _schema, $id: _id, ...rest } = schema;
  if (schemaCheck.validateSchema(rest) !== true)
    return (schemaCheck.errors ?? [])
      .slice(0, 1)
      .map(({ instancePath, message }) => ({ pointer: instancePath, message: message ?? 'is not valid' }));
  try {
    ajv.compile(rest);
  } catch (error) {
    return [{ pointer: '', message: error instanceof Error ? error.message : 'it cannot be read' }];
  }
  return [];
}
