/** Characters a part can begin or end with: 256 flags, the last for everything above. */
type Letters = Uint8Array;

interface Part {
  /** First and last characters of what it matches. */
  first: Letters;
  last: Letters;
  canBeEmpty: boolean;
  /** Matches exactly one character. */
  isOne: boolean;
  /** Holds a repetition without an upper bound. */
  repeats: boolean;
  /** What a repetition at its end, or its beginning, repeats: where its border may move. */
  tail: Letters;
  head: Letters;
  /** Found inside: a repeated group that can match one text in several ways. */
  exponential: boolean;
}

const none = (): Letters => new Uint8Array(257);
const all = (): Letters => new Uint8Array(257).fill(1);
const join = (a: Letters, b: Letters): Letters => a.map((flag, at) => flag | (b[at] ?? 0));
const meet = (a: Letters, b: Letters): boolean => a.some((flag, at) => flag === 1 && b[at] === 1);

/**
 * Whether a regular expression (its body, in the syntax of JavaScript or Python) can take exponential time: a group that
 * is repeated without bound holds a repetition whose border towards the next round can move, or two alternatives that
 * begin alike. A heuristic on the first and last characters; it looks through at most 2,000 characters.
 */
export function isExponential(body: string): boolean {
  if (body.length > 2_000) return false;
  try {
    return new RegexReader(body).alternatives().exponential;
  } catch {
    return false;
  }
}

class RegexReader {
  private at = 0;
  private depth = 0;

  constructor(private readonly body: string) {}

  alternatives(): Part {
    if (++this.depth > 100) throw new Error('too deep');
    const branches = [this.sequence()];
    while (this.body[this.at] === '|') {
      this.at++;
      branches.push(this.sequence());
    }
    this.depth--;
    const [first, ...rest] = branches as [Part, ...Part[]];
    const whole = rest.reduce(
      (sum, part) => ({
        first: join(sum.first, part.first),
        last: join(sum.last, part.last),
        canBeEmpty: sum.canBeEmpty || part.canBeEmpty,
        isOne: sum.isOne && part.isOne,
        repeats: sum.repeats || part.repeats,
        tail: join(sum.tail, part.tail),
        head: join(sum.head, part.head),
        exponential: sum.exponential || part.exponential,
      }),
      first,
    );
    this.branches = branches;
    return whole;
  }

  private branches: Part[] = [];

  private sequence(): Part {
    let parts = 0;
    let whole: Part = {
      first: none(),
      last: none(),
      canBeEmpty: true,
      isOne: false,
      repeats: false,
      tail: none(),
      head: none(),
      exponential: false,
    };
    while (this.at < this.body.length && this.body[this.at] !== '|' && this.body[this.at] !== ')') {
      const part = this.quantified();
      whole = {
        first: whole.canBeEmpty ? join(whole.first, part.first) : whole.first,
        last: part.canBeEmpty ? join(whole.last, part.last) : part.last,
        head: whole.canBeEmpty ? join(whole.head, part.head) : whole.head,
        tail: part.canBeEmpty ? join(whole.tail, part.tail) : part.tail,
        isOne: part.isOne && ++parts === 1,
        canBeEmpty: whole.canBeEmpty && part.canBeEmpty,
        repeats: whole.repeats || part.repeats,
        exponential: whole.exponential || part.exponential,
      };
    }
    return whole;
  }

  private quantified(): Part {
    const start = this.at;
    const part = this.atom();
    const isGroup = this.body[start] === '(';
    const branches = isGroup ? this.branches : [];
    const quantifier = /^(?:[*+?]|\{\d*,?\d*\})[?+]?/.exec(this.body.slice(this.at, this.at + 24))?.[0] ?? '';
    if (quantifier === '' || /^\{\}?$/.test(quantifier)) return part;
    this.at += quantifier.length;
    const unbounded = quantifier.startsWith('*') || quantifier.startsWith('+') || /^\{\d*,\}/.test(quantifier);
    const canBeEmpty =
      part.canBeEmpty || quantifier.startsWith('*') || quantifier.startsWith('?') || /^\{0?,/.test(quantifier);
    if (!unbounded) return { ...part, canBeEmpty, isOne: false };
    // Round after round: a repetition at one end whose characters may also begin the next round, or end the last one.
    const moving = part.repeats && (meet(part.tail, part.first) || meet(part.head, part.last));
    const alike = branches.some((one, i) =>
      branches.some((other, j) => j > i && meet(one.first, other.first) && canBeSame(one, other)),
    );
    return {
      ...part,
      canBeEmpty,
      isOne: false,
      repeats: true,
      tail: part.last,
      head: part.first,
      exponential: part.exponential || (isGroup && (moving || alike)),
    };
  }

  private atom(): Part {
    const letter = this.body[this.at++] ?? '';
    if (letter === '(') return this.group();
    if (letter === '[') return single(this.characterClass());
    if (letter === '.') return single(all());
    if (letter === '^' || letter === '$') return { ...single(none()), canBeEmpty: true };
    if (letter === '\\') return this.escape();
    return single(only(letter));
  }

  private group(): Part {
    const look = /^\?(?:<?[=!])/.exec(this.body.slice(this.at))?.[0];
    const prefix = /^\?(?:<?[=!]|:|P?<[^>]*>|[a-z-]*:)/.exec(this.body.slice(this.at))?.[0] ?? '';
    this.at += prefix.length;
    const part = this.alternatives();
    const { branches } = this;
    if (this.body[this.at] !== ')') throw new Error('unclosed');
    this.at++;
    this.branches = branches;
    return look === undefined ? part : { ...single(none()), canBeEmpty: true, exponential: part.exponential };
  }

  private escape(): Part {
    const letter = this.body[this.at++] ?? '';
    if (/[bBAZzG]/.test(letter) || /[1-9]/.test(letter)) return { ...single(none()), canBeEmpty: true };
    const braces = /^[pPuk]?(?:\{[^}]*\}|<[^>]*>)/.exec(this.body.slice(this.at - 1));
    if (/[pPuk]/.test(letter) && braces) {
      this.at += braces[0].length - 1;
      return single(all());
    }
    return single(escaped(letter));
  }

  private characterClass(): Letters {
    const negated = this.body[this.at] === '^';
    if (negated) this.at++;
    let letters = none();
    let first = true;
    while (this.at < this.body.length && (this.body[this.at] !== ']' || first)) {
      first = false;
      const letter = this.body[this.at++] ?? '';
      if (letter === '\\') {
        letters = join(letters, escaped(this.body[this.at++] ?? ''));
        continue;
      }
      if (this.body[this.at] === '-' && this.body[this.at + 1] !== ']' && this.body[this.at + 1] !== '\\') {
        const end = this.body[this.at + 1] ?? letter;
        this.at += 2;
        for (let code = letter.charCodeAt(0); code <= Math.min(end.charCodeAt(0), 256); code++) letters[code] = 1;
      } else letters = join(letters, only(letter));
    }
    this.at++;
    return negated ? letters.map((flag) => 1 - flag) : letters;
  }
}

const single = (letters: Letters): Part => ({
  first: letters,
  last: letters,
  canBeEmpty: false,
  isOne: true,
  repeats: false,
  tail: none(),
  head: none(),
  exponential: false,
});

/** Alternatives that can be the same text: one character of the same set, or a repetition that can grow to any length. */
const canBeSame = (a: Part, b: Part): boolean =>
  (a.isOne && b.isOne) || (a.repeats && b.repeats) || (a.repeats && b.isOne) || (a.isOne && b.repeats);

function only(letter: string): Letters {
  const letters = none();
  letters[Math.min(letter.charCodeAt(0) || 0, 256)] = 1;
  return letters;
}

function escaped(letter: string): Letters {
  const test = ({ d: /\d/, w: /\w/, s: /\s/ } as Record<string, RegExp>)[letter.toLowerCase()];
  if (!test) return only(({ n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' } as Record<string, string>)[letter] ?? letter);
  const letters = Uint8Array.from({ length: 257 }, (_, code) =>
    code < 256 && test.test(String.fromCharCode(code)) ? 1 : 0,
  );
  return letter === letter.toLowerCase() ? letters : letters.map((flag) => 1 - flag);
}
