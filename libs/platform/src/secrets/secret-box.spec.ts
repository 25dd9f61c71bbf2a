import { SecretBox, SecretUnreadable } from './secret-box';

describe('the box of secrets', () => {
  const box = new SecretBox(['a key of enough entropy']);

  it('gives back what was put in, different each time it is sealed', () => {
    const [one, two] = [box.seal('pässword', 'row-1'), box.seal('pässword', 'row-1')];
    expect(one).not.toBe(two);
    expect([box.open(one, 'row-1'), box.open(two, 'row-1')]).toEqual(['pässword', 'pässword']);
    expect(one).not.toContain('pässword');
  });

  it('does not open what was moved to another row or changed', () => {
    const sealed = box.seal('x'.repeat(40), 'row-1');
    expect(() => box.open(sealed, 'row-2')).toThrow(SecretUnreadable);
    for (let i = 9; i < sealed.length; i += 7) {
      const changed = sealed.slice(0, i) + (sealed[i] === 'A' ? 'B' : 'A') + sealed.slice(i + 1);
      expect(() => box.open(changed, 'row-1')).toThrow(SecretUnreadable);
    }
  });

  it('opens with an older key while keys are changed, and not without it', () => {
    const old = box.seal('x', 'row-1');
    const rotated = new SecretBox(['a new key that is better', 'a key of enough entropy']);
    expect(rotated.open(old, 'row-1')).toBe('x');
    expect(rotated.isCurrent(old)).toBe(false);
    expect(rotated.isCurrent(rotated.seal('x', 'row-1'))).toBe(true);
    expect(() => new SecretBox(['a new key that is better']).open(old, 'row-1')).toThrow(/key .* not here/);
  });
});
