const EXPRESSION = /\{[^{}]*\}/;

/** Whether a URI fits an RFC 6570 template, read loosely: an expression stands for any run of characters. */
export function fitsTemplate(template: string, uri: string): boolean {
  const literals = template.split(EXPRESSION);
  let at = 0;
  for (const [i, literal] of literals.entries()) {
    if (i === 0) {
      if (!uri.startsWith(literal)) return false;
      at = literal.length;
    } else if (i === literals.length - 1)
      return literal === '' || (uri.length - literal.length >= at && uri.endsWith(literal));
    else {
      const found = uri.indexOf(literal, at);
      if (found < 0) return false;
      at = found + literal.length;
    }
  }
  return at === uri.length;
}

/** How many characters of a URI a template fixes. */
export function literalLength(template: string): number {
  return template.split(EXPRESSION).join('').length;
}
