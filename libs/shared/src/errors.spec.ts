import { AppError, ERRORS } from './errors';

describe('the table of errors', () => {
  it('keeps our own codes out of the range that JSON-RPC reserves', () => {
    const standard = new Set([-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022]);
    for (const { jsonRpc } of Object.values(ERRORS)) {
      expect(standard.has(jsonRpc) || jsonRpc < -32768 || jsonRpc > -32000).toBe(true);
    }
  });

  it('survives the way to another service', () => {
    const error = new AppError('invalid_arguments', 'wrong', {
      hint: 'h',
      errors: [{ pointer: '/a', detail: 'd' }],
      data: { x: 1 },
    });
    expect(AppError.fromWire(JSON.parse(JSON.stringify(error.toWire())) as never)).toEqual(error);
  });

  it('takes a code of a newer release as internal', () => {
    expect(AppError.fromWire({ code: 'from_the_future', detail: 'd' })).toMatchObject({
      code: 'internal',
      detail: 'd',
    });
  });

  it('says nothing of the inside of an unknown failure', () => {
    const problem = AppError.from(new Error('password=hunter2')).toProblem('r1');
    expect(JSON.stringify(problem)).not.toContain('hunter2');
    expect(problem).toMatchObject({ status: 500, code: 'internal', requestId: 'r1' });
  });
});
