import { refusedText, storableJson } from './refused-text';

const failure = (code: string, message = 'no') => Object.assign(new Error(message), { driverError: { code } });

it('is the fault of whoever sent a text that no column takes', () => {
  expect(refusedText(failure('22021'))?.code).toBe('invalid_request');
  expect(refusedText(failure('22P05'))?.code).toBe('invalid_request');
  expect(refusedText(failure('22P02', 'invalid input syntax for type json'))?.code).toBe('invalid_request');
  expect(refusedText(Object.assign(new Error('x'), { code: '22021' }))?.code).toBe('invalid_request');
});

it.each(['22007', '22008', '22009'])('is the fault of whoever sent a time that there is not (%s)', (code) => {
  expect(refusedText(failure(code))).toMatchObject({
    code: 'invalid_request',
    detail: expect.stringContaining('time'),
  });
});

it('is not their fault when anything else fails', () => {
  expect(refusedText(failure('22P02', 'invalid input syntax for type uuid'))).toBeUndefined();
  expect(refusedText(failure('23505'))).toBeUndefined();
  expect(refusedText(new Error('22021'))).toBeUndefined();
  expect(refusedText('22021')).toBeUndefined();
});

it.each([
  ['plain', 'plain'],
  ['a\0b', 'a\ufffdb'],
  ['\ud800', '\ufffd'],
  ['x\udc00y', 'x\ufffdy'],
  ['😀', '😀'],
  ['\\u0000 as written', '\\u0000 as written'],
  ['\\\0', '\\\ufffd'],
  ['\u0001\n"', '\u0001\n"'],
])('%j is stored as %j', (text, stored) => {
  expect(JSON.parse(storableJson(JSON.stringify({ text, [text]: 1 })))).toEqual({ text: stored, [stored]: 1 });
});
