import { isObject, type Json, type JsonObject, pointerSteps, pointerTo } from '../definition/json';
import { didYouMean, nearestNames } from '../definition/nearest';
import type { Check, ExpressionPlace } from './check';
import { typeOfSchema } from './schema-types';
import { schemaErrors } from './schema-validators';
import { assignability, describeType, isAny, type Type } from './types';

/**
 * Checks arguments against a schema: values without expressions exactly, the others by the types of their expressions.
 * `pointer` is where the arguments stand, `owner` what they are given to.
 */
export function checkArguments(
  check: Check,
  args: Json,
  pointer: string,
  schema: JsonObject,
  place: ExpressionPlace,
  owner: string,
): void {
  const visit = (value: Json, at: string, part: Json | undefined): void => {
    const { type, isConstant } = quietly(check, value, place);
    if (part === undefined || part === true) return;
    if (isConstant) {
      exactly(value, at, part);
      return;
    }
    const resolved = isObject(part) ? resolve(part, schema) : part;
    if (isObject(value) && isObject(resolved) && isPlainObject(resolved)) {
      members(value, at, resolved);
      return;
    }
    if (Array.isArray(value) && isObject(resolved) && isObject(resolved['items']) && !resolved['prefixItems']) {
      const { items } = resolved;
      value.forEach((item, index) => visit(item, pointerTo(at, index), items));
      return;
    }
    byType(type, at, typeOfSchema(withDefinitions(part, schema)));
  };

  const members = (value: JsonObject, at: string, part: JsonObject): void => {
    const properties = isObject(part['properties']) ? part['properties'] : {};
    const required = Array.isArray(part['required']) ? part['required'] : [];
    for (const name of required)
      if (typeof name === 'string' && !Object.hasOwn(value, name)) missing(name, at, properties, Object.keys(value));
    for (const [name, item] of Object.entries(value)) {
      const itemAt = pointerTo(at, name);
      if (Object.hasOwn(properties, name)) visit(item, itemAt, properties[name]);
      else if (part['additionalProperties'] === false) unknown(name, itemAt, Object.keys(properties));
      else visit(item, itemAt, part['additionalProperties'] ?? true);
    }
  };

  const missing = (name: string, at: string, properties: JsonObject, given: string[]): void => {
    const wanted = describeType(typeOfSchema(withDefinitions(properties[name] ?? true, schema)));
    // An argument beyond those that are known may be this one, misspelt.
    const [misspelt] = nearestNames(
      name,
      given.filter((other) => !Object.hasOwn(properties, other)),
    );
    const hint =
      misspelt === undefined ? `Give \`${name}\`: ${wanted}` : `You wrote \`${misspelt}\`; it is \`${name}\``;
    check.report('WF501', at, `${owner} needs \`${name}\``, { hint });
  };
  const unknown = (name: string, at: string, names: string[]): void => {
    const known = names.length > 0 ? `Known: ${names.join(', ')}` : 'It takes no arguments';
    check.report('WF502', at, `${owner} has no argument \`${name}\``, { hint: didYouMean(name, names) ?? known });
  };

  const exactly = (value: Json, at: string, part: Json): void => {
    for (const { keyword, instancePath, params, message, parentSchema, data } of schemaErrors(value, part, schema)) {
      const where = at + instancePath;
      const properties = parentSchema?.['properties'] as JsonObject | undefined;
      if (keyword === 'required')
        missing(String(params['missingProperty']), where, properties ?? {}, isObject(data) ? Object.keys(data) : []);
      else if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
        const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
        unknown(name, pointerTo(where, name), Object.keys(properties ?? {}));
      } else {
        const allowed = Array.isArray(params['allowedValues'])
          ? `: ${params['allowedValues'].map((one) => JSON.stringify(one)).join(', ')}`
          : '';
        check.report('WF503', where, `The argument ${message ?? 'is not valid'}${allowed}`);
      }
    }
  };

  const byType = (from: Type, at: string, to: Type): void => {
    const verdict = assignability(from, to, true);
    const text = `${describeType(from)} is given, ${describeType(to)} is wanted`;
    if (verdict === 'never' && from.length > 0) check.report('WF504', at, `This never fits: ${text}`);
    else if (verdict === 'maybe' && !isAny(from)) check.report('WF505', at, `This may not fit: ${text}`);
  };

  visit(args, pointer, schema);
}

/** The type of a value, without reporting again what reading it once has reported. */
function quietly(check: Check, value: Json, place: ExpressionPlace): { type: Type; isConstant: boolean } {
  const before = check.diagnostics.length;
  const result = check.template(value, '', place);
  check.diagnostics.length = before;
  return result;
}

/** An object schema that says everything in `properties`, `required` and `additionalProperties`. */
function isPlainObject(schema: JsonObject): boolean {
  const beyond = [
    'allOf',
    'anyOf',
    'oneOf',
    'not',
    'if',
    '$ref',
    'patternProperties',
    'enum',
    'const',
    'propertyNames',
  ];
  return isObject(schema['properties']) && !beyond.some((keyword) => schema[keyword] !== undefined);
}

function resolve(schema: JsonObject, root: JsonObject): JsonObject {
  const ref = schema['$ref'];
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return schema;
  let target: Json | undefined = root;
  for (const step of pointerSteps(ref.slice(1))) target = isObject(target) ? target[step] : undefined;
  return isObject(target) ? target : schema;
}

const completed = new WeakMap<JsonObject, JsonObject>();

/** A part of a schema together with the definitions that it may refer to. */
function withDefinitions(part: Json, root: JsonObject): Json {
  if (!isObject(part) || part === root) return part;
  const { $defs, definitions } = root;
  if ($defs === undefined && definitions === undefined) return part;
  let whole = completed.get(part);
  if (!whole) {
    whole = {
      ...($defs === undefined ? {} : { $defs }),
      ...(definitions === undefined ? {} : { definitions }),
      ...part,
    };
    completed.set(part, whole);
  }
  return whole;
}
