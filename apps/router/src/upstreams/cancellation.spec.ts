import { asAbortSignal, CallCancellation } from './cancellation';

describe('the cancellation of a call', () => {
  it('is told to each listener once, and not to one that left', () => {
    const cancellation = new CallCancellation();
    const told: string[] = [];
    const left = () => told.push('left');
    cancellation.addEventListener('abort', () => told.push('first'));
    cancellation.addEventListener('abort', left);
    cancellation.addEventListener('abort', () => told.push('second'));
    cancellation.removeEventListener('abort', left);
    expect(cancellation.aborted).toBe(false);
    cancellation.abort();
    cancellation.abort();
    expect([cancellation.aborted, told]).toEqual([true, ['first', 'second']]);
  });

  it('lets a listener leave while it is told', () => {
    const cancellation = new CallCancellation();
    const told: string[] = [];
    const first = () => {
      told.push('first');
      cancellation.removeEventListener('abort', first);
    };
    cancellation.addEventListener('abort', first);
    cancellation.addEventListener('abort', () => told.push('second'));
    cancellation.abort();
    expect(told).toEqual(['first', 'second']);
  });

  it('reaches those who need an AbortSignal, before and after', () => {
    const cancellation = new CallCancellation();
    const before = asAbortSignal(cancellation);
    expect(before.aborted).toBe(false);
    cancellation.abort();
    expect([before.aborted, asAbortSignal(cancellation).aborted]).toEqual([true, true]);
    const { signal } = new AbortController();
    expect(asAbortSignal(signal)).toBe(signal);
  });
});
