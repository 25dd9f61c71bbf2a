import { complexitiesOf } from './complexity';
import type { LanguageId } from './languages';
import { parse } from './parser';
import { unitsOf } from './units';

/** `[cyclomatic, cognitive (paper), nesting]` of each unit by its name. */
async function measure(language: LanguageId, source: string): Promise<Record<string, number[]>> {
  const tree = await parse(source, language);
  expect(tree.hasError).toBe(false);
  const units = unitsOf(tree, language);
  const found = complexitiesOf(tree, language, units);
  return Object.fromEntries(
    units.list.map(({ name }, i) => [name, [found.cyclomatic[i], found.cognitive[i], found.nesting[i]]] as const),
  ) as Record<string, number[]>;
}

describe('examples of the paper on cognitive complexity', () => {
  it('counts nested loops and a labelled continue (sumOfPrimes, 7)', async () => {
    const source = `class A { int sumOfPrimes(int max) { int total = 0;
      OUT: for (int i = 1; i <= max; ++i) { for (int j = 2; j < i; ++j) { if (i % j == 0) { continue OUT; } } total += i; }
      return total; } }`;
    expect((await measure('java', source))['A.sumOfPrimes']).toEqual([4, 7, 3]);
  });

  it('counts a switch once (getWords, 1)', async () => {
    const source = `class A { String getWords(int n) { switch (n) { case 1: return "one"; case 2: return "a couple"; default: return "lots"; } } }`;
    expect((await measure('java', source))['A.getWords']).toEqual([3, 1, 1]);
  });

  it('counts nesting inside try and the catch (myMethod, 9)', async () => {
    const source = `class A { void myMethod() { try { if (condition1) { for (int i = 0; i < 10; i++) { while (condition2) { } } } }
      catch (Exception e) { if (condition2) { } } } }`;
    expect((await measure('java', source))['A.myMethod']?.[1]).toBe(9);
  });

  it('counts a lambda in the method that holds it (myMethod2, 2)', async () => {
    const source = `class A { void myMethod2() { Runnable r = () -> { if (condition1) { } }; } }`;
    expect((await measure('java', source))['A.myMethod2']?.[1]).toBe(2);
  });

  it('counts runs of like operators (4 for a && b && c || d || e && f)', async () => {
    const found = await measure('java', 'class A { void m() { if (a && b && c || d || e && f) { } } }');
    expect(found['A.m']?.[1]).toBe(4);
  });

  it('counts runs that a negated group separates (3 for a && !(b && c))', async () => {
    const found = await measure('java', 'class A { void m() { if (a && !(b && c)) { } } }');
    expect(found['A.m']?.[1]).toBe(3);
  });
});

it('counts else and else if once each, whatever the grammar makes of them', async () => {
  const c = 'if (a) { x(); } else if (b) { y(); } else { z(); }';
  expect((await measure('javascript', `function f() { ${c} }`))['f']).toEqual([3, 3, 1]);
  expect((await measure('typescript', `function f(): void { ${c} }`))['f']).toEqual([3, 3, 1]);
  expect((await measure('java', `class A { void f() { ${c} } }`))['A.f']).toEqual([3, 3, 1]);
  expect((await measure('csharp', `class A { void f() { ${c} } }`))['A.f']).toEqual([3, 3, 1]);
  expect((await measure('cpp', `void f() { ${c} }`))['f']).toEqual([3, 3, 1]);
  expect((await measure('go', `package p\nfunc f() { if a { x() } else if b { y() } else { z() } }`))['f']).toEqual([
    3, 3, 1,
  ]);
  expect((await measure('rust', `fn f() { if a { x(); } else if b { y(); } else { z(); } }`))['f']).toEqual([3, 3, 1]);
  expect(
    (await measure('php', `<?php function f() { if ($a) { x(); } elseif ($b) { y(); } else { z(); } }`))['f'],
  ).toEqual([3, 3, 1]);
  expect((await measure('ruby', `def f\n if a\n x\n elsif b\n y\n else\n z\n end\nend`))['f']).toEqual([3, 3, 1]);
  expect((await measure('python', `def f():\n  if a:\n    x()\n  elif b:\n    y()\n  else:\n    z()\n`))['f']).toEqual([
    3, 3, 1,
  ]);
  expect((await measure('bash', `f() { if a; then x; elif b; then y; else z; fi; }`))['f']).toEqual([3, 3, 1]);
});

it('counts loops, cases and handlers of every language', async () => {
  expect(
    (
      await measure(
        'go',
        'package p\nfunc f() { for i := range x { switch i { case 1: a(); case 2: b(); default: c() } } }',
      )
    )['f'],
  ).toEqual([4, 3, 2]);
  expect((await measure('rust', 'fn f() { for i in x { match i { 1 => a(), 2 => b(), _ => c() } } }'))['f']).toEqual([
    4, 3, 2,
  ]);
  expect(
    (await measure('csharp', 'class A { void f() { foreach (var i in x) { try { a(); } catch (E e) { b(); } } } }'))[
      'A.f'
    ],
  ).toEqual([3, 3, 2]);
  expect(
    (await measure('php', '<?php function f() { foreach ($x as $i) { try { a(); } catch (E $e) { b(); } } }'))['f'],
  ).toEqual([3, 3, 2]);
  expect((await measure('ruby', 'def f\n while x\n  begin\n a\n rescue E\n b\n end\n end\nend'))['f']?.[0]).toBe(3);
  expect(
    (await measure('cpp', 'void f() { for (auto i : x) { switch (i) { case 1: a(); break; default: b(); } } }'))['f'],
  ).toEqual([3, 3, 2]);
  expect((await measure('bash', 'f() { for i in x; do case $i in a) b;; *) c;; esac; done; }'))['f']).toEqual([
    3, 3, 2,
  ]);
  expect(
    (
      await measure(
        'python',
        'def f():\n  for i in [j for j in x if j]:\n    try:\n      a()\n    except E:\n      b()\n',
      )
    )['f'],
  ).toEqual([5, 3, 2]);
});

it('measures ten thousand levels of nesting without a stack', async () => {
  const found = await measure('javascript', `function f() { ${'if (a) {'.repeat(10_000)}${'}'.repeat(10_000)} }`);
  expect(found['f']).toEqual([10_001, 50_005_000, 10_000]);
});
