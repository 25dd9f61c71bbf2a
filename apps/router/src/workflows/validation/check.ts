import { isObject, type Json, pointerTo } from '../definition/json';
import { didYouMean } from '../definition/nearest';
import { isExpression } from '../definition/reader';
import type { Workflow } from '../definition/workflow';
import { compileExpression, type Expression } from '../expressions/expression';
import { compileRegex } from '../expressions/regex';
import { childrenOf, ExpressionFault, type JqNode } from '../expressions/syntax';
import type { ValidationCatalogue } from './catalogue';
import { type Diagnostic, type DiagnosticCode, DIAGNOSTICS } from './diagnostics';
import { inferType, type TypeNote } from './infer';
import { looksSecret } from './literal-secrets';
import { ANY, objectOf, STRING, tupleOf, type Type, typeOfValue, union } from './types';

export interface ValidationOptions {
  /** Hashes of the tools as they were when this version was published. */
  publishedHashes?: Readonly<Record<string, string>>;
  /** Whether `call: mcp` may start a process by `transport.stdio`. */
  mayStartProcesses?: boolean;
}

interface Extra {
  hint?: string | undefined;
  related?: Diagnostic['related'];
}

/** What an expression may read where it stands. */
export interface ExpressionPlace {
  /** The value it is evaluated on. */
  data: Type;
  /** Which of the standard's arguments are given. */
  given: ReadonlySet<string>;
  /** Variables of loops and catches around it, and arguments whose type is known. */
  variables: ReadonlyMap<string, Type>;
  /** Whether the result is kept in the run's history. */
  isKept?: boolean;
}

/** All arguments of expressions that the standard knows. */
const ARGUMENTS = ['context', 'input', 'output', 'secrets', 'task', 'workflow', 'runtime', 'authorization'];

/** More findings than these are of no use to anybody. */
const MAX_DIAGNOSTICS = 1_000;

const REGEX_FUNCTIONS = ['test', 'match', 'capture', 'scan', 'splits', 'sub', 'gsub'];

/** Gathers what is found about one definition. */
export class Check {
  readonly diagnostics: Diagnostic[] = [];
  /** Names of components and secrets that something uses, as `retries/name`. */
  readonly used = new Set<string>();
  /** Hashes of the tools that are called. */
  readonly tools = new Map<string, string>();

  constructor(
    readonly workflow: Workflow,
    readonly catalogue: ValidationCatalogue,
    readonly options: ValidationOptions,
  ) {}

  report(code: DiagnosticCode, pointer: string, message: string, { hint, related = [] }: Extra = {}): void {
    if (this.diagnostics.length >= MAX_DIAGNOSTICS) return;
    const { severity, hint: usual } = DIAGNOSTICS[code];
    this.diagnostics.push({ code, severity, message, pointer, hint: hint ?? usual, related });
  }

  /** A field that is always an expression; gives the type of its result. */
  expression(source: string, pointer: string, place: ExpressionPlace): Type {
    let expression: Expression;
    try {
      expression = compileExpression(source);
    } catch (error) {
      if (!(error instanceof ExpressionFault)) throw error;
      this.faulty(error, pointer);
      return ANY;
    }
    return this.compiled(expression, pointer, place);
  }

  private faulty({ kind, message, at }: ExpressionFault, pointer: string): void {
    const code = {
      syntax: 'WF305',
      forbidden: 'WF306',
      regex: 'WF307',
      unknown: 'WF308',
      runtime: 'WF305',
      limit: 'WF305',
    } as const;
    this.report(code[kind], pointer, `${message} (at character ${(at ?? 0) + 1})`);
  }

  private compiled(expression: Expression, pointer: string, place: ExpressionPlace): Type {
    for (const name of expression.variables) this.variable(name, pointer, place);
    if (expression.variables.has('secrets')) this.secrets(expression.ast, pointer);
    this.regexes(expression, pointer);
    const notes: TypeNote[] = [];
    const type = inferType(expression.ast, { input: place.data, variables: place.variables }, notes);
    for (const { kind, at, message, name, names } of notes) {
      const text = `${message} (at character ${at + expression.offset + 1})`;
      const hint = name === undefined ? undefined : didYouMean(name, names ?? []);
      this.report(kind === 'fails' ? 'WF314' : 'WF303', pointer, text, { hint });
    }
    return type;
  }

  private variable(name: string, pointer: string, { given, variables, isKept }: ExpressionPlace): void {
    if (name === 'secrets' && isKept)
      this.report('WF312', pointer, 'The result, with the secret in it, is kept in the history of the run');
    if (given.has(name) || variables.has(name)) return;
    if (ARGUMENTS.includes(name)) {
      const here = [...given].map((argument) => `$${argument}`).join(', ');
      this.report('WF302', pointer, `$${name} is not given to this expression`, { hint: `Given here: ${here}` });
      return;
    }
    const names = [...given, ...variables.keys()].map((argument) => `$${argument}`);
    this.report('WF301', pointer, `There is no variable $${name} here`, { hint: didYouMean(`$${name}`, names) });
  }

  private secrets(node: JqNode, pointer: string): void {
    if (node.kind === 'index' && node.target.kind === 'variable' && node.target.name === 'secrets') {
      const name = node.index.kind === 'literal' ? node.index.value : undefined;
      if (typeof name === 'string') this.secret(name, pointer);
    }
    for (const child of childrenOf(node)) this.secrets(child, pointer);
  }

  /** A secret by its name: it must stand in `use.secrets`. */
  secret(name: string, pointer: string): void {
    const { secrets } = this.workflow.use;
    this.used.add(`secrets/${name}`);
    if (!secrets.includes(name))
      this.report('WF310', pointer, `The secret \`${name}\` is not listed in \`use.secrets\``, {
        hint: didYouMean(name, secrets),
      });
  }

  private regexes(expression: Expression, pointer: string): void {
    const visit = (node: JqNode): void => {
      const [pattern, second, third] = node.kind === 'call' ? node.args : [];
      const isRegex =
        node.kind === 'call' && (REGEX_FUNCTIONS.includes(node.name) || (node.name === 'split' && second));
      if (isRegex && pattern?.kind === 'literal' && typeof pattern.value === 'string') {
        const flags = ['sub', 'gsub'].includes(node.name) ? third : second;
        try {
          compileRegex(pattern.value, flags?.kind === 'literal' && typeof flags.value === 'string' ? flags.value : '');
        } catch (error) {
          const message = error instanceof Error ? error.message : 'It cannot be read';
          this.report('WF307', pointer, `${message} (at character ${pattern.at + expression.offset + 1})`);
        }
      }
      for (const child of childrenOf(node)) visit(child);
    };
    visit(expression.ast);
  }

  /** A value whose texts may be expressions; gives its type, and whether it holds an expression at all. */
  template(value: Json, pointer: string, place: ExpressionPlace): { type: Type; isConstant: boolean } {
    if (typeof value === 'string') return this.text(value, pointer, place);
    if (Array.isArray(value)) {
      const items = value.map((item, index) => this.template(item, pointerTo(pointer, index), place));
      return { type: tupleOf(items.map(({ type }) => type)), isConstant: items.every(({ isConstant }) => isConstant) };
    }
    if (!isObject(value)) return { type: typeOfValue(value), isConstant: true };
    const entries = Object.entries(value).map(
      ([name, item]) => [name, this.template(item, pointerTo(pointer, name), place)] as const,
    );
    return {
      type: objectOf(entries.map(([name, { type }]) => [name, type])),
      isConstant: entries.every(([, { isConstant }]) => isConstant),
    };
  }

  private text(text: string, pointer: string, place: ExpressionPlace): { type: Type; isConstant: boolean } {
    if (isExpression(text)) {
      if (!/\}[^{}"]*\$\{/.test(text) || canCompile(text))
        return { type: this.expression(text, pointer, place), isConstant: false };
      this.embedded(pointer);
      return { type: STRING, isConstant: true };
    }
    if (text.includes('${')) this.embedded(pointer);
    if (looksSecret(text)) this.report('WF601', pointer, 'This looks like a credential');
    if (this.workflow.mode === 'strict' || !canCompile(text)) return { type: typeOfValue(text), isConstant: true };
    return {
      type: union(this.compiled(compileExpression(text), pointer, place), typeOfValue(text)),
      isConstant: false,
    };
  }

  private embedded(pointer: string): void {
    this.report('WF309', pointer, '`${ }` is evaluated only when it is the whole text');
  }
}

function canCompile(text: string): boolean {
  try {
    compileExpression(text);
    return true;
  } catch {
    return false;
  }
}
