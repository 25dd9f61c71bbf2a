import { lex, type Token } from './lexer';
import { type BinaryOperator, ExpressionFault, type JqNode, type Pattern, type UpdateOperator } from './syntax';

const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];
const UPDATES = ['=', '|=', '+=', '-=', '*=', '/=', '%=', '//='];

/** Parentheses, functions and operators inside one another, at most; keeps the recursion of parser and evaluator bounded. */
const MAX_DEPTH = 200;

/** Parses a jq program: https://jqlang.org/manual/. Throws an ExpressionFault with the offset of what was not understood. */
export function parseJq(text: string): JqNode {
  return new Parser(lex(text)).program();
}

class Parser {
  private position = 0;
  private depth = 0;

  constructor(private readonly tokens: Token[]) {}

  program(): JqNode {
    const first = this.peek();
    if (first.kind === 'end') throw new ExpressionFault('syntax', 'The expression is empty', first.at);
    const node = this.pipe();
    const rest = this.peek();
    if (rest.kind !== 'end') throw this.unexpected(rest);
    return node;
  }

  private peek(ahead = 0): Token {
    return this.tokens[this.position + ahead] ?? (this.tokens.at(-1) as Token);
  }

  private next(): Token {
    const token = this.peek();
    this.position += 1;
    return token;
  }

  private isSymbol(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'symbol' && token.text === text;
  }

  private isKeyword(text: string): boolean {
    const token = this.peek();
    return token.kind === 'keyword' && token.text === text;
  }

  private takeSymbol(text: string): boolean {
    if (!this.isSymbol(text)) return false;
    this.position += 1;
    return true;
  }

  private takeKeyword(text: string): boolean {
    if (!this.isKeyword(text)) return false;
    this.position += 1;
    return true;
  }

  private expectSymbol(text: string): void {
    if (!this.takeSymbol(text)) throw this.unexpected(this.peek(), `\`${text}\``);
  }

  private expectKeyword(text: string): void {
    if (!this.takeKeyword(text)) throw this.unexpected(this.peek(), `\`${text}\``);
  }

  private unexpected(token: Token, wanted?: string): ExpressionFault {
    const found =
      token.kind === 'end'
        ? 'The expression ends too early'
        : token.kind === 'text'
          ? 'Unexpected text'
          : `Unexpected \`${shown(token)}\``;
    return new ExpressionFault('syntax', wanted === undefined ? found : `${found}, ${wanted} was expected`, token.at);
  }

  private nested<T>(parse: () => T): T {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new ExpressionFault('syntax', 'The expression nests too deeply', this.peek().at);
    const result = parse();
    this.depth -= 1;
    return result;
  }

  /** `def …; rest`, `left | right`: the weakest binding. */
  private pipe(comma = true): JqNode {
    return this.nested(() => {
      if (this.isKeyword('def')) return this.definition(comma);
      const { at } = this.peek();
      const left = comma ? this.comma() : this.alternative();
      if (!this.takeSymbol('|')) return left;
      return { kind: 'pipe', at, left, right: this.pipe(comma) };
    });
  }

  private definition(comma: boolean): JqNode {
    const { at } = this.next();
    const name = this.next();
    if (name.kind !== 'name' && name.kind !== 'keyword') throw this.unexpected(name, 'the name of a function');
    const params: string[] = [];
    if (this.takeSymbol('(')) {
      do {
        const param = this.next();
        if (param.kind === 'variable') params.push(`$${param.text}`);
        else if (param.kind === 'name' || param.kind === 'keyword') params.push(param.text);
        else throw this.unexpected(param, 'a parameter');
      } while (this.takeSymbol(';'));
      this.expectSymbol(')');
    }
    this.expectSymbol(':');
    const body = this.pipe();
    this.expectSymbol(';');
    return { kind: 'define', at, name: name.text, params, body, rest: this.pipe(comma) };
  }

  private comma(): JqNode {
    const { at } = this.peek();
    let left = this.alternative();
    while (this.takeSymbol(',')) left = { kind: 'comma', at, left, right: this.alternative() };
    return left;
  }

  private alternative(): JqNode {
    return this.nested(() => {
      const { at } = this.peek();
      const left = this.update();
      if (!this.takeSymbol('//')) return left;
      return { kind: 'alternative', at, left, right: this.alternative() };
    });
  }

  private update(): JqNode {
    const { at } = this.peek();
    const left = this.or();
    const operator = this.peek();
    if (operator.kind !== 'symbol' || !UPDATES.includes(operator.text)) return left;
    this.next();
    const right = this.or();
    this.refuseChain(UPDATES);
    return { kind: 'update', at, operator: operator.text as UpdateOperator, left, right };
  }

  private or(): JqNode {
    const { at } = this.peek();
    let left = this.and();
    while (this.takeKeyword('or')) left = { kind: 'or', at, left, right: this.and() };
    return left;
  }

  private and(): JqNode {
    const { at } = this.peek();
    let left = this.comparison();
    while (this.takeKeyword('and')) left = { kind: 'and', at, left, right: this.comparison() };
    return left;
  }

  private comparison(): JqNode {
    const { at } = this.peek();
    const left = this.sum();
    const operator = this.peek();
    if (operator.kind !== 'symbol' || !COMPARISONS.includes(operator.text)) return left;
    this.next();
    const right = this.sum();
    this.refuseChain(COMPARISONS);
    return { kind: 'binary', at, operator: operator.text as BinaryOperator, left, right };
  }

  /** `a == b == c` has no meaning in jq. */
  private refuseChain(operators: string[]): void {
    const token = this.peek();
    if (token.kind === 'symbol' && operators.includes(token.text))
      throw this.unexpected(token, 'parentheses or the end');
  }

  private sum(): JqNode {
    const { at } = this.peek();
    let left = this.product();
    for (let token = this.peek(); token.kind === 'symbol' && '+-'.includes(token.text); token = this.peek()) {
      this.next();
      left = { kind: 'binary', at, operator: token.text as BinaryOperator, left, right: this.product() };
    }
    return left;
  }

  private product(): JqNode {
    const { at } = this.peek();
    let left = this.unary();
    for (let token = this.peek(); token.kind === 'symbol' && '*/%'.includes(token.text); token = this.peek()) {
      this.next();
      left = { kind: 'binary', at, operator: token.text as BinaryOperator, left, right: this.unary() };
    }
    return left;
  }

  private unary(): JqNode {
    const { at } = this.peek();
    if (this.takeSymbol('-')) return { kind: 'negate', at, body: this.nested(() => this.unary()) };
    if (this.takeKeyword('label')) {
      const name = this.variable();
      this.expectSymbol('|');
      return { kind: 'label', at, name, body: this.pipe() };
    }
    const term = this.postfix();
    if (!this.takeKeyword('as')) return term;
    const patterns = [this.pattern()];
    while (this.takeSymbol('?//')) patterns.push(this.pattern());
    this.expectSymbol('|');
    return { kind: 'bind', at, source: term, patterns, body: this.pipe() };
  }

  private variable(): string {
    const token = this.next();
    if (token.kind === 'variable') return token.text;
    throw this.unexpected(token, 'a variable');
  }

  private pattern(): Pattern {
    return this.nested(() => {
      if (this.takeSymbol('[')) {
        const items = [this.pattern()];
        while (this.takeSymbol(',')) items.push(this.pattern());
        this.expectSymbol(']');
        return { kind: 'array', items };
      }
      if (!this.takeSymbol('{')) return { kind: 'variable', name: this.variable() };
      const entries: Extract<Pattern, { kind: 'object' }>['entries'] = [];
      do entries.push(this.patternEntry());
      while (this.takeSymbol(','));
      this.expectSymbol('}');
      return { kind: 'object', entries };
    });
  }

  private patternEntry(): { variable?: string; key?: JqNode; value?: Pattern } {
    const token = this.peek();
    if (token.kind === 'variable') {
      this.next();
      const key: JqNode = { kind: 'literal', at: token.at, value: token.text };
      if (!this.takeSymbol(':')) return { variable: token.text, key };
      return { variable: token.text, key, value: this.pattern() };
    }
    const key = this.objectKey();
    this.expectSymbol(':');
    return { key, value: this.pattern() };
  }

  /** A term with what follows it: `.a`, `[0]`, `[1:2]`, `[]`, `?`. */
  private postfix(): JqNode {
    const { at } = this.peek();
    let node = this.term();
    for (;;) {
      const token = this.peek();
      if (token.kind === 'field') {
        this.next();
        node = { kind: 'index', at, target: node, index: { kind: 'literal', at: token.at, value: token.text } };
      } else if (this.isSymbol('.') && this.peek(1).kind === 'text') {
        this.next();
        node = { kind: 'index', at, target: node, index: this.text('text') };
      } else if (this.isSymbol('.') && this.isSymbol('[', 1)) {
        this.next();
      } else if (this.isSymbol('[')) {
        node = this.brackets(node, at);
      } else if (this.takeSymbol('?')) {
        node = { kind: 'try', at, body: node };
      } else return node;
    }
  }

  private brackets(target: JqNode, at: number): JqNode {
    this.expectSymbol('[');
    if (this.takeSymbol(']')) return { kind: 'iterate', at, target };
    if (this.takeSymbol(':')) {
      const to = this.pipe();
      this.expectSymbol(']');
      return { kind: 'slice', at, target, to };
    }
    const index = this.pipe();
    if (this.takeSymbol(':')) {
      if (this.takeSymbol(']')) return { kind: 'slice', at, target, from: index };
      const to = this.pipe();
      this.expectSymbol(']');
      return { kind: 'slice', at, target, from: index, to };
    }
    this.expectSymbol(']');
    return { kind: 'index', at, target, index };
  }

  private term(): JqNode {
    return this.nested(() => {
      const token = this.peek();
      const { at } = token;
      switch (token.kind) {
        case 'number':
          this.next();
          return { kind: 'literal', at, value: token.value };
        case 'text':
          return this.text('text');
        case 'format':
          this.next();
          if (this.peek().kind === 'text') return { ...this.text(token.text.slice(1)), at };
          return { kind: 'format', at, name: token.text.slice(1) };
        case 'field':
          this.next();
          return {
            kind: 'index',
            at,
            target: { kind: 'identity', at },
            index: { kind: 'literal', at, value: token.text },
          };
        case 'variable':
          this.next();
          if (token.text === '__loc__') return { kind: 'literal', at, value: { file: '<top-level>', line: 1 } };
          return { kind: 'variable', at, name: token.text };
        case 'name':
          return this.call();
        case 'keyword':
          return this.keyword(token.text);
        case 'symbol':
          return this.symbol(token.text);
        case 'end':
          throw this.unexpected(token);
      }
    });
  }

  private symbol(text: string): JqNode {
    const { at } = this.peek();
    if (this.takeSymbol('..')) return { kind: 'recurse', at };
    if (text === '.') {
      this.next();
      const target: JqNode = { kind: 'identity', at };
      if (this.peek().kind === 'text') return { kind: 'index', at, target, index: this.text('text') };
      return this.isSymbol('[') ? this.brackets(target, at) : target;
    }
    if (this.takeSymbol('(')) {
      const node = this.pipe();
      this.expectSymbol(')');
      return node;
    }
    if (this.takeSymbol('[')) {
      if (this.takeSymbol(']')) return { kind: 'array', at };
      const body = this.pipe();
      this.expectSymbol(']');
      return { kind: 'array', at, body };
    }
    if (this.takeSymbol('{')) return this.object(at);
    throw this.unexpected(this.peek());
  }

  private call(): JqNode {
    const token = this.next();
    if (token.kind !== 'name') throw this.unexpected(token);
    const { at, text } = token;
    if (text === 'break' && this.peek().kind === 'variable') return { kind: 'break', at, name: this.variable() };
    if (text === 'null') return { kind: 'literal', at, value: null };
    if (text === 'true' || text === 'false') return { kind: 'literal', at, value: text === 'true' };
    const args: JqNode[] = [];
    if (this.takeSymbol('(')) {
      do args.push(this.pipe());
      while (this.takeSymbol(';'));
      this.expectSymbol(')');
    }
    return { kind: 'call', at, name: text, args };
  }

  private keyword(text: string): JqNode {
    const { at } = this.peek();
    if (text === 'def') return this.pipe();
    if (this.takeKeyword('if')) return this.conditional(at);
    if (this.takeKeyword('try')) {
      const body = this.tried();
      return this.takeKeyword('catch') ? { kind: 'try', at, body, handler: this.tried() } : { kind: 'try', at, body };
    }
    if (text === 'import' || text === 'include')
      throw new ExpressionFault('forbidden', `\`${text}\`: there are no modules`, at);
    if (text !== 'reduce' && text !== 'foreach') throw this.unexpected(this.peek());
    this.next();
    const source = this.postfix();
    this.expectKeyword('as');
    const pattern = this.pattern();
    this.expectSymbol('(');
    const init = this.pipe();
    this.expectSymbol(';');
    const update = this.pipe();
    const extract = text === 'foreach' && this.takeSymbol(';') ? this.pipe() : undefined;
    this.expectSymbol(')');
    if (text === 'reduce') return { kind: 'reduce', at, source, pattern, init, update };
    return { kind: 'foreach', at, source, pattern, init, update, ...(extract ? { extract } : {}) };
  }

  /** What `try` and `catch` take: a term, or a negative one. */
  private tried(): JqNode {
    const { at } = this.peek();
    return this.takeSymbol('-') ? { kind: 'negate', at, body: this.postfix() } : this.postfix();
  }

  private conditional(at: number): JqNode {
    const condition = this.pipe();
    this.expectKeyword('then');
    const then = this.pipe();
    const next = this.peek();
    if (this.takeKeyword('elif'))
      return { kind: 'if', at, condition, then, otherwise: this.nested(() => this.conditional(next.at)) };
    const otherwise = this.takeKeyword('else') ? this.pipe() : undefined;
    this.expectKeyword('end');
    return { kind: 'if', at, condition, then, ...(otherwise ? { otherwise } : {}) };
  }

  private text(format: string): JqNode {
    const token = this.next();
    if (token.kind !== 'text') throw this.unexpected(token, 'a text');
    const parts = token.parts
      .map((part) => (typeof part === 'string' ? part : new Parser(part).inner(this.depth)))
      .filter((part) => part !== '');
    const [only] = parts;
    if (parts.length === 0) return { kind: 'literal', at: token.at, value: '' };
    if (parts.length === 1 && typeof only === 'string') return { kind: 'literal', at: token.at, value: only };
    return { kind: 'text', at: token.at, format, parts };
  }

  private inner(depth: number): JqNode {
    this.depth = depth;
    return this.program();
  }

  private object(at: number): JqNode {
    const entries: { key: JqNode; value: JqNode }[] = [];
    if (this.takeSymbol('}')) return { kind: 'object', at, entries };
    do entries.push(this.entry());
    while (this.takeSymbol(',') && !this.isSymbol('}'));
    this.expectSymbol('}');
    return { kind: 'object', at, entries };
  }

  private entry(): { key: JqNode; value: JqNode } {
    const token = this.peek();
    const { at } = token;
    if (token.kind === 'variable') {
      this.next();
      const key: JqNode = { kind: 'literal', at, value: token.text };
      if (token.text === '__loc__')
        return { key, value: { kind: 'literal', at, value: { file: '<top-level>', line: 1 } } };
      // `$name: value` takes the variable's value as the name.
      if (this.takeSymbol(':')) return { key: { kind: 'variable', at, name: token.text }, value: this.pipe(false) };
      return { key, value: { kind: 'variable', at, name: token.text } };
    }
    const isComputed = this.isSymbol('(');
    const key = this.objectKey();
    if (this.takeSymbol(':')) return { key, value: this.pipe(false) };
    if (isComputed) throw this.unexpected(this.peek(), '`:`');
    return { key, value: { kind: 'index', at, target: { kind: 'identity', at }, index: key } };
  }

  private objectKey(): JqNode {
    const token = this.peek();
    const { at } = token;
    if (token.kind === 'name' || token.kind === 'keyword') {
      this.next();
      return { kind: 'literal', at, value: token.text };
    }
    if (token.kind === 'text') return this.text('text');
    if (token.kind === 'format' && this.peek(1).kind === 'text') {
      this.next();
      return this.text(token.text.slice(1));
    }
    this.expectSymbol('(');
    const key = this.pipe();
    this.expectSymbol(')');
    if (key.kind === 'literal' && typeof key.value !== 'string')
      throw new ExpressionFault('syntax', `\`${JSON.stringify(key.value)}\` cannot be the name of a property`, at);
    return key;
  }
}

function shown(token: Token): string {
  switch (token.kind) {
    case 'variable':
      return `$${token.text}`;
    case 'field':
      return `.${token.text}`;
    case 'number':
      return String(token.value);
    case 'name':
    case 'keyword':
    case 'symbol':
    case 'format':
      return token.text;
    case 'text':
    case 'end':
      return '';
  }
}
