import type { Json } from '../definition/json';
import type { DataFilter } from '../definition/workflow';
import type { Check, ExpressionPlace } from './check';
import { typeOfSchema } from './schema-types';
import { schemaFaults } from './schema-validators';
import { ANY, assignability, describeType, intersect, type Type } from './types';

/** Largest JSON Schema that is compiled, in characters: compiling takes much longer than reading. */
const MAX_SCHEMA = 65_536;

/** An expression that is read as true or false. */
export function checkCondition(check: Check, source: string, pointer: string, place: ExpressionPlace): void {
  const type = check.expression(source, pointer, place);
  const isCondition = type.length === 0 || type.some(({ kind }) => kind === 'boolean' || kind === 'null');
  if (!isCondition)
    check.report('WF506', pointer, `This condition yields ${describeType(type)}, which always counts as true`);
}

/** `from` or `as`; gives the type of what it puts out. */
export function checkTransform(check: Check, filter: DataFilter, pointer: string, place: ExpressionPlace): Type {
  const { transform } = filter;
  if (transform === undefined) return place.data;
  if (typeof transform === 'string') return check.expression(transform, pointer, place);
  return check.template(transform, pointer, place).type;
}

/** The schema of a filter: that it is one, and that the data can match it. Gives the type that is left. */
export function checkSchema(check: Check, filter: DataFilter, pointer: string, data: Type, what: string): Type {
  if (filter.schema === undefined) return data;
  const at = `${pointer}/schema/document`;
  if (!checkJsonSchema(check, filter.schema, at)) return data;
  const wanted = typeOfSchema(filter.schema);
  if (data.length > 0 && assignability(data, wanted) === 'never')
    check.report('WF508', at, `${what} is ${describeType(data)}, the schema wants ${describeType(wanted)}`);
  return data === ANY ? wanted : intersect(data, wanted);
}

/** Whether a schema is a JSON Schema that can be compiled. */
export function checkJsonSchema(check: Check, schema: Json, pointer: string): boolean {
  if (JSON.stringify(schema).length > MAX_SCHEMA) {
    check.report('WF106', pointer, `The schema is longer than ${MAX_SCHEMA} characters`);
    return false;
  }
  const faults = schemaFaults(schema);
  for (const fault of faults) check.report('WF510', pointer + fault.pointer, `The schema ${fault.message}`);
  return faults.length === 0;
}
