import { rmSync } from 'node:fs';
import { compileExpression, compileTemplate, compileTransform } from './expression';
import { Expressions } from './evaluate';
import { bundleWorker } from './testing/worker-file';

const workerFile = bundleWorker();
const expressions = new Expressions({}, workerFile);

afterAll(async () => {
  await expressions.close();
  rmSync(workerFile);
});

describe('Expressions', () => {
  const evaluate = (text: string, data: unknown = null, scope = {}, now?: number) =>
    Promise.resolve(expressions.evaluate(compileExpression(text), scope, data as never, now));

  it('evaluates paths on the event loop, without a promise', () => {
    expect(expressions.evaluate(compileExpression('${ .a.b == 1 }'), {}, { a: { b: 1 } })).toBe(true);
  });

  it('gives variables of the scope by name', async () => {
    expect(await evaluate('$input.a + $context.b', null, { input: { a: 1 }, context: { b: 2 } })).toBe(3);
  });

  it('fails on a variable that is not there', async () => {
    expect(() => expressions.evaluate(compileExpression('$secrets.x'), {}, null)).toThrow(
      '$secrets is not defined here',
    );
  });

  it('takes the first output, and null for none', async () => {
    expect(await evaluate('.[]', [4, 5])).toBe(4);
    expect(await evaluate('.[]', [])).toBeNull();
    expect(await evaluate('[range(3)] | .[]', null)).toBe(0);
  });

  it('evaluates loops, recursion and regular expressions in a worker', async () => {
    const pending = expressions.evaluate(compileExpression('reduce range(1000) as $i (0; . + $i)'), {}, null);
    expect(pending).toBeInstanceOf(Promise);
    expect(await pending).toBe(499_500);
    expect(await evaluate('gsub("a+"; "b")', 'caat')).toBe('cbt');
  });

  it('moves to the worker what turns out to be too much for the event loop', async () => {
    const numbers = Array.from({ length: 160 }, (_, index) => index);
    const pending = expressions.evaluate(
      compileExpression('[.[] as $a | .[] | select(. == $a)] | length'),
      {},
      numbers,
    );
    expect(pending).toBeInstanceOf(Promise);
    expect(await pending).toBe(160);
  });

  it.each([
    ['endless recursion by a loop', 'until(false; .)'],
    ['an endless generator', '[repeat(1)] | length'],
    ['a function that calls itself', 'def f: f; f'],
    ['a great range', '[range(1e9)] | length'],
    ['a text grown by multiplication', '"x" * 1e9 | length'],
    ['an array stretched by an index', '.[536870911] = 1 | length'],
    ['doubling', 'reduce range(100) as $i ("x"; . + .)'],
    ['lists of lists', '[range(1000) | [range(100000)]] | length'],
    ['combinations', '[[range(50)] | combinations(10)] | length'],
    ['a pattern too large', '"aab" | test("(a|b)" * 2000)'],
  ])('ends %s with a fault, and goes on with the next expression', async (_name, text) => {
    const started = performance.now();
    await expect(evaluate(text)).rejects.toMatchObject({
      name: 'ExpressionFault',
      kind: expect.stringMatching(/limit|regex/),
    });
    // Without a limit they would take for ever.
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(await evaluate('[range(3)] | add')).toBe(3);
  });

  it('keeps the event loop free meanwhile', async () => {
    const pending = evaluate('until(false; .)').catch(() => 'ended');
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 5);
    expect(await pending).toBe('ended');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });

  it('bounds the result', async () => {
    const small = new Expressions({ maxOutputBytes: 100 }, workerFile);
    const list = Array.from({ length: 50 }, () => 'abc');
    expect(() => small.evaluate(compileExpression('{a: .}'), {}, list)).toThrow('larger than 100 bytes');
    await expect(small.evaluate(compileExpression('[range(60)]'), {}, null)).rejects.toThrow('larger than 100 bytes');
    await small.close();
  });

  it('reads the time from the journal, not from the clock', async () => {
    expect(await evaluate('now', null, {}, 1_500)).toBe(1.5);
    expect(await evaluate('[range(1)] | now', null, {}, 2_500)).toBe(2.5);
    await expect(evaluate('[range(1)] | now')).rejects.toThrow('`now` is not known here');
  });

  it('counts the place of a fault from the beginning of what was written', async () => {
    expect(() => compileExpression('${ .a + }')).toThrow(expect.objectContaining({ at: 7 }));
    expect(() => expressions.evaluate(compileExpression('${ .a + {} }'), {}, { a: 1 })).toThrow(
      expect.objectContaining({ at: 3 }),
    );
  });

  it('makes JSON of numbers that JSON does not have', async () => {
    expect(await evaluate('[nan, infinite]')).toEqual([null, Number.MAX_VALUE]);
  });

  it('fails what waits when it is closed', async () => {
    const closing = new Expressions({}, workerFile);
    const pending = Promise.resolve(closing.evaluate(compileExpression('until(false; .)'), {}, null));
    const failed = expect(pending).rejects.toThrow('no longer evaluated');
    await closing.close();
    await failed;
  });

  it('says so when the worker cannot start', async () => {
    const broken = new Expressions({}, '/nowhere/worker.mjs');
    await expect(broken.evaluate(compileExpression('[range(1)]'), {}, null)).rejects.toMatchObject({ kind: 'limit' });
    await broken.close();
  });
});

describe('templates', () => {
  const resolve = (value: unknown, mode: 'strict' | 'loose', data: object) =>
    Promise.resolve(expressions.resolve(compileTemplate(value as never, mode), { item: 7 }, data as never));

  it('replaces expressions wherever they stand and keeps the rest', async () => {
    const value = { a: '${ .x }', b: ['plain', '${ $item }', { c: '  ${ .x + 1 }  ' }], d: 5 };
    expect(await resolve(value, 'strict', { x: 1 })).toEqual({ a: 1, b: ['plain', 7, { c: 2 }], d: 5 });
  });

  it('waits for expressions that need the worker', async () => {
    expect(await resolve({ a: '${ [range(3)] }', b: ['${ .x }'] }, 'strict', { x: 1 })).toEqual({
      a: [0, 1, 2],
      b: [1],
    });
  });

  it('takes a bare text literally in strict mode', async () => {
    expect(await resolve({ a: '.x', b: 'Hello ${ .x }' }, 'strict', { x: 1 })).toEqual({ a: '.x', b: 'Hello ${ .x }' });
  });

  it('evaluates a bare text in loose mode, and keeps what cannot be evaluated', async () => {
    const value = { a: '.x', b: 'Hello there', c: '.x.y', d: '$nothing' };
    expect(await resolve(value, 'loose', { x: 1 })).toEqual({ a: 1, b: 'Hello there', c: '.x.y', d: '$nothing' });
  });

  it('is the same object when nothing in it is an expression', () => {
    const value = { a: [1, { b: 'text' }] };
    expect(compileTemplate(value)).toEqual({ kind: 'constant', value });
  });

  it('reports every expression that cannot be read, with its pointer', () => {
    const found: string[] = [];
    compileTemplate({ a: '${ . + }', b: ['${ foo }'] }, 'strict', ({ pointer, fault }) =>
      found.push(`${pointer} ${fault.kind}`),
    );
    expect(found).toEqual(['/a syntax', '/b/0 unknown']);
  });

  it('takes a text of a transformation as an expression, an object as a template', async () => {
    expect(await expressions.resolve(compileTransform('.x'), {}, { x: 1 })).toBe(1);
    expect(await expressions.resolve(compileTransform({ y: '${ .x }', z: '.x' }), {}, { x: 1 })).toEqual({
      y: 1,
      z: '.x',
    });
  });
});
