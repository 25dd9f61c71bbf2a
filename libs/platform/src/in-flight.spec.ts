import { InFlight } from './in-flight';

describe('what is in flight', () => {
  it('is found by its key until it is taken out', () => {
    const calls = new InFlight<string, { name: string }>();
    const first = { name: 'first' };
    calls.set('1', first);
    calls.set('"1"', { name: 'second' });
    expect([calls.size, calls.get('1'), calls.has('"1"'), calls.has('2')]).toEqual([2, first, true, false]);
    expect([calls.delete('1'), calls.delete('1'), calls.size, calls.get('1')]).toEqual([true, false, 1, undefined]);
    expect(calls.values()).toEqual([{ name: 'second' }]);
  });

  it('counts an item once when it is replaced', () => {
    const calls = new InFlight<number, string>();
    calls.set(7, 'old');
    calls.set(7, 'new');
    expect([calls.size, calls.get(7)]).toEqual([1, 'new']);
  });

  it('takes keys that every object has for keys like others', () => {
    const calls = new InFlight<string, number>();
    expect([calls.has('__proto__'), calls.has('constructor')]).toEqual([false, false]);
    calls.set('__proto__', 1);
    expect([calls.get('__proto__'), calls.size, calls.delete('__proto__')]).toEqual([1, 1, true]);
  });
});
