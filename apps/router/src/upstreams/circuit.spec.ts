import { Bulkhead } from './bulkhead';
import { Circuit } from './circuit';

describe('the circuit of a server', () => {
  const waits = (random: number, count: number): number[] => {
    const circuit = new Circuit(() => random);
    return Array.from({ length: count }, () => {
      const now = Date.now();
      circuit.open('down');
      return Math.round(((circuit.nextRetryAt?.getTime() ?? 0) - now) / 100) * 100;
    });
  };

  it('waits twice as long each time, up to a minute, with jitter', () => {
    expect(waits(1, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    expect(waits(0, 3)).toEqual([500, 1_000, 2_000]);
  });

  it('opens after five calls in a row without an answer; one answer starts the count anew', () => {
    const circuit = new Circuit();
    for (let i = 0; i < 4; i++) expect(circuit.countFailure('late')).toBe(false);
    circuit.succeed();
    for (let i = 0; i < 4; i++) circuit.countFailure('late');
    expect(circuit.isOpen).toBe(false);
    expect(circuit.countFailure('late')).toBe(true);
    expect([circuit.isOpen, circuit.lastError]).toEqual([true, 'late']);
  });

  it('forgives two lost connections, and waits after the third', () => {
    const circuit = new Circuit();
    expect([1, 2, 3].map(() => circuit.countLoss('gone'))).toEqual([false, false, true]);
  });
});

describe('the bulkhead of a server', () => {
  const never = new AbortController().signal;

  it('lets in so many, lets so many wait in order, and refuses the rest', async () => {
    const bulkhead = new Bulkhead(1, 2);
    const order: number[] = [];
    await bulkhead.enter(never);
    const waiting = [1, 2].map((n) => bulkhead.enter(never).then(() => order.push(n)));
    await expect(bulkhead.enter(never)).rejects.toMatchObject({ code: 'upstream_overloaded' });
    bulkhead.leave();
    bulkhead.leave();
    await Promise.all(waiting);
    expect(order).toEqual([1, 2]);
    bulkhead.leave();
    expect(bulkhead.inFlight).toBe(0);
  });

  it('forgets who was cancelled while waiting', async () => {
    const bulkhead = new Bulkhead(1, 1);
    await bulkhead.enter(never);
    const control = new AbortController();
    const waiting = bulkhead.enter(control.signal);
    control.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    bulkhead.leave();
    expect(bulkhead.inFlight).toBe(0);
    expect(bulkhead.tryEnter()).toBe(true);
  });
});
