import { ExpressionFault } from './syntax';

export type Token = { at: number; end: number } & (
  | { kind: 'name' | 'field' | 'variable' | 'format' | 'symbol' | 'keyword'; text: string }
  | { kind: 'number'; value: number }
  /** Text with the programs of its `\( … )` between the pieces. */
  | { kind: 'text'; parts: (string | Token[])[] }
  | { kind: 'end' }
);

const KEYWORDS: ReadonlySet<string> = new Set([
  'def',
  'if',
  'then',
  'elif',
  'else',
  'end',
  'as',
  'reduce',
  'foreach',
  'try',
  'catch',
  'label',
  'import',
  'include',
  'and',
  'or',
  '__loc__',
]);

/** Longest first: `?//=` does not exist, `?//` and `//=` do. */
const SYMBOLS = [
  '?//',
  '//=',
  '|=',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '==',
  '!=',
  '<=',
  '>=',
  '//',
  '..',
  '|',
  ',',
  '.',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  ':',
  ';',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '?',
];

const SPACE = /(?:[ \t\r\n]+|#[^\n]*)+/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const NAME = /(?:[A-Za-z_][A-Za-z0-9_]*::)*[A-Za-z_][A-Za-z0-9_]*/y;
const FIELD = /\.[A-Za-z_][A-Za-z0-9_]*/y;
const VARIABLE = /\$(?:[A-Za-z_][A-Za-z0-9_]*::)*[A-Za-z_][A-Za-z0-9_]*/y;
const FORMAT = /@[A-Za-z0-9_]+/y;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

const MAX_NESTING = 200;

/** Cuts a jq program into tokens; the last is `end`. */
export function lex(text: string): Token[] {
  return new Lexer(text).tokens(0, false, 0).tokens;
}

class Lexer {
  constructor(private readonly text: string) {}

  /** Up to the end of the text or, inside an interpolation, up to the parenthesis that closes it. */
  tokens(from: number, inside: boolean, nesting: number): { tokens: Token[]; end: number } {
    if (nesting > MAX_NESTING) throw new ExpressionFault('syntax', 'Interpolations nest too deeply', from);
    const tokens: Token[] = [];
    let at = from;
    let open = 0;
    for (;;) {
      at += this.match(SPACE, at).length;
      if (at >= this.text.length) {
        if (inside) throw new ExpressionFault('syntax', 'An interpolation `\\(` is not closed', from - 2);
        tokens.push({ kind: 'end', at, end: at });
        return { tokens, end: at };
      }
      const character = this.text[at];
      if (inside && character === ')' && open === 0) {
        tokens.push({ kind: 'end', at, end: at });
        return { tokens, end: at + 1 };
      }
      if (character === '(') open += 1;
      else if (character === ')') open -= 1;
      const token = character === '"' ? this.string(at, nesting) : this.simple(at);
      tokens.push(token);
      at = token.end;
    }
  }

  private match(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.text)?.[0] ?? '';
  }

  private simple(at: number): Token {
    const token = (
      kind: 'name' | 'field' | 'variable' | 'format' | 'keyword' | 'symbol',
      whole: string,
      cut = 0,
    ): Token => ({
      kind,
      text: whole.slice(cut),
      at,
      end: at + whole.length,
    });
    const field = this.match(FIELD, at);
    if (field) return token('field', field, 1);
    const number = this.match(NUMBER, at);
    if (number) {
      const value = Number(number);
      // JSON has no infinity: the largest number stands for it, as in jq.
      return { kind: 'number', value: Number.isFinite(value) ? value : Number.MAX_VALUE, at, end: at + number.length };
    }
    const name = this.match(NAME, at);
    if (name) return token(KEYWORDS.has(name) ? 'keyword' : 'name', name);
    const variable = this.match(VARIABLE, at);
    if (variable) return token('variable', variable, 1);
    const format = this.match(FORMAT, at);
    if (format) return token('format', format);
    const symbol = SYMBOLS.find((candidate) => this.text.startsWith(candidate, at));
    if (symbol) return token('symbol', symbol);
    throw new ExpressionFault('syntax', `Unexpected character ${JSON.stringify(this.text[at])}`, at);
  }

  private string(from: number, nesting: number): Token {
    const parts: (string | Token[])[] = [];
    let piece = '';
    let at = from + 1;
    for (;;) {
      const character = this.text[at];
      if (character === undefined) throw new ExpressionFault('syntax', 'A text is not closed', from);
      if (character === '"') break;
      if (character !== '\\') {
        piece += character;
        at += 1;
        continue;
      }
      const escape = this.text[at + 1] ?? '';
      const plain = ESCAPES[escape];
      if (plain !== undefined) {
        piece += plain;
        at += 2;
      } else if (escape === 'u') {
        const digits = this.text.slice(at + 2, at + 6);
        if (!/^[0-9a-fA-F]{4}$/.test(digits))
          throw new ExpressionFault('syntax', 'After `\\u` come four hex digits', at);
        piece += String.fromCharCode(Number.parseInt(digits, 16));
        at += 6;
      } else if (escape === '(') {
        parts.push(piece);
        piece = '';
        const { tokens, end } = this.tokens(at + 2, true, nesting + 1);
        parts.push(tokens);
        at = end;
      } else throw new ExpressionFault('syntax', `Unknown escape \`\\${escape}\` in a text`, at);
    }
    parts.push(piece);
    return { kind: 'text', parts, at: from, end: at + 1 };
  }
}
