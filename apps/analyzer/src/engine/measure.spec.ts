import type { LanguageId } from './languages';
import { measure } from './measure';
import { parse } from './parser';

const measureText = async (source: string, language: LanguageId = 'typescript') =>
  measure(await parse(source, language), language);

it('counts lines of code, of comment and blank ones', async () => {
  const { lines } = await measureText('// a\n\nconst a = 1; // b\n/* c\n d */\nconst b = `x\ny`;\n');
  expect(lines).toEqual({ total: 7, code: 3, comment: 3, blank: 1 });
});

it('names functions by what holds them and counts their parameters', async () => {
  const { functions } = await measureText(
    'class A { m(a: string, b = 1, ...c: number[]) {} get x() { return 1; } }\nconst f = (a, b) => a;\nconst o = { g: function () {}, h(a) {} };\nf(x => x);',
  );
  expect(functions.map(({ name, parameters }) => [name, parameters])).toEqual([
    ['A.m', 3],
    ['A.x', 0],
    ['f', 2],
    ['g', 0],
    ['h', 1],
    ['(anonymous)', 1],
  ]);
});

it('counts what a function calls and who calls it', async () => {
  const { functions } = await measureText('function a() { b(); c.d(); b(); }\nfunction b() {}\nfunction e() { b(); }');
  expect(functions.map(({ name, fanOut, fanIn }) => [name, fanOut, fanIn])).toEqual([
    ['a', 2, 0],
    ['b', 0, 2],
    ['e', 1, 0],
  ]);
});

it("computes Halstead's measures of a = b + b", async () => {
  const { halstead } = await measureText('a = b + b', 'python');
  expect(halstead).toMatchObject({
    operators: 2,
    operands: 3,
    distinctOperators: 2,
    distinctOperands: 2,
    volume: 10,
    difficulty: 1.5,
    effort: 15,
  });
});

it('gives a long function a lower maintainability than a short one', async () => {
  const { functions } = await measureText(
    `function a() { return 1; }\nfunction b(x: number) {\n${'  if (x > 1) { x = x * 2 + 3; }\n'.repeat(60)}}`,
  );
  expect(functions[0]?.maintainability).toBeGreaterThan(70);
  expect(functions[1]?.maintainability).toBeLessThan(40);
});

describe('LCOM4', () => {
  const lcom4 = async (body: string, language: LanguageId = 'typescript') =>
    (await measureText(body, language)).classes[0]?.lcom4;

  it('is 1 where methods share a field or call one another', async () => {
    expect(await lcom4('class A { x = 1; a() { return this.x; } b() { this.x++; } c() { this.a(); } }')).toBe(1);
    expect(
      await lcom4(
        'class A:\n  def __init__(self):\n    self.x = 1\n    self.y = 2\n  def a(self):\n    return self.x\n  def b(self):\n    self.a()\n',
        'python',
      ),
    ).toBe(1);
    expect(await lcom4('class A { int x; int a() { return x; } void b() { x++; } }', 'java')).toBe(1);
  });

  it('counts the pieces of a class that would fall apart, leaving the constructor out', async () => {
    expect(
      await lcom4(
        'class A { constructor() { this.x = 1; this.y = 2; } a() { return this.x; } b() { return this.y; } }',
      ),
    ).toBe(2);
    expect(await lcom4('class A { int x; int y; int a() { return x; } int b() { return y; } }', 'java')).toBe(2);
    expect(
      await lcom4(
        'class A { private $x; private $y; function a() { return $this->x; } function b() { return $this->y; } }'.replace(
          /^/,
          '<?php ',
        ),
        'php',
      ),
    ).toBe(2);
  });
});
