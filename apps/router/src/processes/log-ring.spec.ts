import * as fc from 'fast-check';
import { LogRing } from './log-ring';

describe('the kept log of a server', () => {
  it('never shows a secret, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 80 }), { maxLength: 6 }), (cuts) => {
        const text = 'start token=hunter2-hunter2 hunter2-hunter2end\nnext hunter2-hunter2';
        const ring = new LogRing(['hunter2-hunter2', 'abc']);
        const heard: string[] = [];
        ring.follow((part) => heard.push(part));
        let at = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), text.length]) {
          ring.write(text.slice(at, cut));
          at = Math.max(at, cut);
        }
        const expected = 'start token=[redacted] [redacted]end\nnext [redacted]';
        expect(ring.read()).toBe(expected);
        ring.flush();
        expect(heard.join('')).toBe(expected);
      }),
    );
  });

  it('keeps the last bytes and no more', () => {
    const ring = new LogRing([], 100);
    for (let i = 0; i < 50; i++) ring.write(`line ${i}\n`);
    expect(ring.read().length).toBeLessThanOrEqual(100);
    expect(ring.read()).toContain('line 49\n');
    expect(ring.read(8)).toBe('line 49\n');
    ring.write('z'.repeat(500));
    expect(ring.read()).toBe('z'.repeat(100));
  });
});
