import { readRpc } from '@mcp-router/shared';
import type { PendingCall } from './pending-call';
import { TaskTokens } from './task-tokens';

const callOf = (method: string, params: object, token?: string): PendingCall =>
  ({
    exchange: { message: readRpc(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })) },
    caller: 'ann ',
    token,
  }) as unknown as PendingCall;
const job = callOf('tools/call', { name: 'job' }, '"mine"');
const answer = (result: object): string => JSON.stringify({ jsonrpc: '2.0', id: 1, result });
const made = (taskId: string, rest: object = {}) => answer({ task: { taskId, status: 'working', ttl: null, ...rest } });

describe('the progress token of a call that was answered with a task', () => {
  it('is kept, and no other call’s', () => {
    const tokens = new TaskTokens();
    tokens.answered(1, job, made('a'));
    tokens.answered(2, callOf('tools/call', { name: 'job' }), made('b'));
    tokens.answered(3, job, answer({ content: [], structuredContent: { task: { taskId: 'c' } } }));
    tokens.answered(4, job, made('d', { status: 'completed' }));
    expect(tokens.of(1)).toMatchObject({ taskId: 'a', token: '"mine"', caller: 'ann ' });
    expect([2, 3, 4, '1', null].map((token) => tokens.of(token))).toEqual(Array(5).fill(undefined));
  });

  it.each([
    ['its result', (tokens: TaskTokens) => tokens.answered(9, callOf('tasks/result', { taskId: 'a' }), answer({}))],
    [
      'its state',
      (tokens: TaskTokens) =>
        tokens.answered(9, callOf('tasks/get', { taskId: 'a' }), answer({ taskId: 'a', status: 'failed' })),
    ],
    [
      'a notification',
      (tokens: TaskTokens) =>
        tokens.told(
          readRpc(
            '{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"a","status":"cancelled"}}',
          ),
        ),
    ],
  ])('is forgotten when %s says that the task has ended, and others are not', (_, end) => {
    const tokens = new TaskTokens();
    tokens.answered(1, job, made('a'));
    tokens.answered(2, job, made('b'));
    tokens.answered(3, callOf('tasks/get', { taskId: 'a' }), answer({ taskId: 'a', status: 'working' }));
    expect(tokens.of(1)).toBeDefined();
    end(tokens);
    expect([tokens.of(1), tokens.of(2)?.taskId]).toEqual([undefined, 'b']);
  });

  it('is forgotten after the time that the server gives the task', () => {
    jest.useFakeTimers();
    try {
      const tokens = new TaskTokens();
      tokens.answered(1, job, made('a', { ttl: 5_000 }));
      jest.advanceTimersByTime(4_000);
      expect(tokens.of(1)).toBeDefined();
      jest.advanceTimersByTime(2_000);
      expect(tokens.of(1)).toBeUndefined();
      expect(tokens.size).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('is one of at most a thousand, the latest', () => {
    const tokens = new TaskTokens();
    for (let key = 1; key <= 1_500; key++) tokens.answered(key, job, made(`task-${key}`));
    expect([tokens.size, tokens.of(500), tokens.of(1_500)?.taskId]).toEqual([1_000, undefined, 'task-1500']);
  });
});
