import { MemoryRun } from './testing/memory-run';
import { HIDDEN, secretsIn, withoutSecrets } from './credentials';
import { Redaction } from './redaction';

describe('what is written down of a run with secrets', () => {
  const redaction = new Redaction({
    door: { username: 'bob', password: 'open' },
    api: { token: 'pass"word\n1', user: 'ann' },
    other: 'a+b/c=?&',
  });

  it('has none of their texts, wherever they stand and however they are encoded', () => {
    const value = {
      whole: 'pass"word\n1',
      part: 'Bearer pass"word\n1!',
      base64: Buffer.from('a+b/c=?&').toString('base64'),
      url: `https://e.com/?q=${encodeURIComponent('a+b/c=?&')}`,
      ['key a+b/c=?&']: 1,
      basic: `Basic ${Buffer.from('bob:open').toString('base64')}`,
    };
    expect(redaction.apply(value)).toEqual({
      whole: HIDDEN,
      part: `Bearer ${HIDDEN}!`,
      base64: HIDDEN,
      url: `https://e.com/?q=${HIDDEN}`,
      [`key ${HIDDEN}`]: 1,
      basic: `Basic ${HIDDEN}`,
    });
  });

  it('loses a short text only where it is the whole', () => {
    expect(redaction.apply({ user: 'ann', about: 'annual' })).toEqual({ user: HIDDEN, about: 'annual' });
  });

  it('is the very same where there is nothing to hide', () => {
    const value = { a: [1, 'two'] };
    expect(redaction.apply(value)).toBe(value);
    expect(new Redaction().apply(value)).toBe(value);
  });

  it('does not show what was computed from a secret, nor credentials that stand in the definition', () => {
    const written = { a: '${ $secrets.x | ascii_upcase }', b: ['${ .b }'], authentication: { bearer: { token: 't' } } };
    const computed = { a: 'LOUD', b: ['plain'], authentication: { bearer: { token: 't' } } };
    expect(withoutSecrets(written, computed)).toEqual({ a: HIDDEN, b: ['plain'], authentication: HIDDEN });
    const reference = { authentication: { use: 'mine' } };
    expect(withoutSecrets(reference, reference)).toEqual(reference);
  });

  it('has no credentials that a task proved itself with, though its expressions see them', async () => {
    const document = { dsl: '1.0.3', namespace: 'test', name: 'proof', version: '1.0.0' };
    const authentication = { basic: { use: 'door' } };
    const with_ = { method: 'get', endpoint: { uri: 'https://e.com', authentication } };
    const as =
      '${ { scheme: $authorization.scheme, long: ($authorization.parameter | length), whole: $authorization } }';
    const run = new MemoryRun(
      { document, use: { secrets: ['door'] }, do: [{ ask: { call: 'http', with: with_, output: { as } } }] },
      { secrets: { door: { username: 'ann', password: 'open-sesame' } } },
    );
    const parameter = Buffer.from('ann:open-sesame').toString('base64');
    expect((await run.finish())?.ended).toEqual({
      output: { scheme: 'Basic', long: parameter.length, whole: { scheme: 'Basic', parameter: HIDDEN } },
    });
    expect(JSON.stringify(run.events)).not.toContain(parameter);
  });

  it('knows the names that expressions read', () => {
    expect(secretsIn({ a: '${ $secrets.one.x + $secrets["two-2"] }', b: ['$secrets."three"', 'plain'] })).toEqual([
      'one',
      'two-2',
      'three',
    ]);
  });
});
