import { isObject, type Json, type JsonObject } from '../definition/json';
import type { DataFilter, Duration, ExpressionMode, Workflow } from '../definition/workflow';
import { parseIsoDuration } from '../definition/duration';
import type { Expressions, Scope } from '../expressions/evaluate';
import {
  compileExpression,
  compileTemplate,
  compileTransform,
  type Expression,
  type Template,
} from '../expressions/expression';
import { missingSecret, secretsIn } from './credentials';
import { SchemaCheck } from './schema-check';
import { WorkflowFault } from './fault';

/** Compiles what one definition contains, each part once. */
export class ExpressionDesk {
  private readonly texts = new Map<string, Expression>();
  private readonly templates = new WeakMap<object, Template>();
  private readonly schemas = new SchemaCheck();
  private readonly secretNames = new WeakMap<object, string[]>();
  readonly mode: ExpressionMode;

  constructor(
    readonly workflow: Workflow,
    private readonly expressions: Expressions,
  ) {
    this.mode = workflow.mode;
  }

  /** A field that is always an expression. */
  evaluate(text: string, scope: Scope, data: Json, now: number): Json | Promise<Json> {
    this.requireSecrets(text, scope);
    let compiled = this.texts.get(text);
    if (!compiled) this.texts.set(text, (compiled = compileExpression(text)));
    return this.expressions.evaluate(compiled, scope, data, now);
  }

  /** As jq sees it: everything but false and null is true. */
  async test(text: string, scope: Scope, data: Json, now: number): Promise<boolean> {
    const value = await this.evaluate(text, scope, data, now);
    return value !== false && value !== null;
  }

  /** A value in which texts may be expressions. */
  resolve(value: Json, scope: Scope, data: Json, now: number): Json | Promise<Json> {
    this.requireSecrets(value, scope);
    if (typeof value !== 'object' || value === null)
      return this.expressions.resolve(compileTemplate(value, this.mode), scope, data, now);
    let template = this.templates.get(value);
    if (!template) this.templates.set(value, (template = compileTemplate(value, this.mode)));
    return this.expressions.resolve(template, scope, data, now);
  }

  /** Applies `from` or `as`, and before or after it the schema. */
  async filter(filter: DataFilter, scope: Scope, data: Json, now: number, what: string): Promise<Json> {
    const { transform, schema } = filter;
    if (what === 'input' && schema !== undefined) this.check(schema, data, what);
    const value = transform === undefined ? data : await this.transform(transform, scope, data, now);
    if (what !== 'input' && schema !== undefined) this.check(schema, value, what);
    return value;
  }

  /** Milliseconds. */
  async duration(duration: Duration, scope: Scope, data: Json, now: number): Promise<number> {
    if ('ms' in duration) return duration.ms;
    const value = await this.evaluate(duration.expression, scope, data, now);
    const ms = typeof value === 'string' ? parseIsoDuration(value) : undefined;
    if (ms === undefined) throw WorkflowFault.of('expression', 'The expression does not yield an ISO 8601 duration');
    return ms;
  }

  check(schema: Json, data: Json, what: string): void {
    const faults = this.schemas.faults(schema, data);
    if (faults) throw WorkflowFault.of('validation', `The ${what} does not match its schema: ${faults}`);
  }

  /** @throws WorkflowFault `authorization` */
  private requireSecrets(written: Json, { secrets }: Scope): void {
    const isKept = typeof written === 'object' && written !== null;
    let names = isKept ? this.secretNames.get(written) : undefined;
    if (!names) {
      names = secretsIn(written);
      if (isKept) this.secretNames.set(written, names);
    }
    for (const name of names) if (!isObject(secrets) || !Object.hasOwn(secrets, name)) throw missingSecret(name);
  }

  private transform(transform: string | JsonObject, scope: Scope, data: Json, now: number): Json | Promise<Json> {
    if (typeof transform === 'string') return this.evaluate(transform, scope, data, now);
    this.requireSecrets(transform, scope);
    let template = this.templates.get(transform);
    if (!template) this.templates.set(transform, (template = compileTransform(transform, this.mode)));
    return this.expressions.resolve(template, scope, data, now);
  }
}
