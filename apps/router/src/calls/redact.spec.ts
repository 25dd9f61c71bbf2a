import fc from 'fast-check';
import { redactBody } from './redact';

const redacted = (value: unknown): unknown => JSON.parse(redactBody(JSON.stringify(value)));

it('keeps what is no secret as it is', () => {
  const body = { path: '/a', n: 1.5, list: [true, null, 'x'], maxTokens: 512, keyboard: 'qwerty', monkey: 'see' };
  expect(redacted(body)).toEqual(body);
});

it.each([
  ['password', 'hunter2'],
  ['apiKey', 'abc'],
  ['API_KEY', 'abc'],
  ['X-Api-Key', 'abc'],
  ['authorization', 'abc'],
  ['client_secret', 'abc'],
  ['access_token', 'abc'],
  ['set-cookie', 'a=b'],
  ['pin', 1234],
  ['credentials', { user: 'ann', value: 'x' }],
])('replaces the value of "%s"', (name, value) => {
  expect(redacted({ deep: [{ [name]: value }] })).toEqual({ deep: [{ [name]: '[redacted]' }] });
});

it.each([
  'curl -H "Authorization: Bearer abcdefghijklmnop"',
  `eyJhbGciOiJIUzI1NiJ9.${'a'.repeat(20)}.${'b'.repeat(20)}`,
  `ghp_${'a'.repeat(36)}`,
  `sk-${'a'.repeat(40)}`,
  `AKIA${'A'.repeat(16)}`,
  'postgres://ann:hunter2secret@db/x',
  'https://x.example/?access_token=verysecretvalue&x=1',
  '-----BEGIN RSA PRIVATE KEY-----\nverysecretvalue\n-----END RSA PRIVATE KEY-----',
])('replaces what looks like a credential in %s', (text) => {
  const kept = JSON.stringify(redacted({ note: `before ${text} after` }));
  expect(kept).toContain('[redacted]');
  for (const part of ['abcdefghijklmnop', 'aaaaaaaaaaaa', 'AAAAAAAAAAAAAAAA', 'hunter2secret', 'verysecretvalue'])
    expect(kept).not.toContain(part);
});

it('looks into JSON that stands in a text, as tools answer it', () => {
  const inner = JSON.stringify({ user: 'ann', password: 'a "quoted\\" hunter2' });
  const kept = redactBody(JSON.stringify({ content: [{ type: 'text', text: inner }] }));
  expect(kept).not.toContain('hunter2');
  expect(kept).toContain('ann');
});

it('never gives back a secret, however deep it stands, and stays within its size', () => {
  const secret = 'S3CRET-that-must-not-be-kept';
  const nests = fc.array(fc.constantFrom('list', 'object', 'text'), { maxLength: 10 });
  fc.assert(
    fc.property(nests, fc.jsonValue(), (steps, noise) => {
      let value: unknown = { noise, password: secret };
      let texts = 0;
      for (const step of steps) {
        if (step === 'list') value = [noise, value];
        else if (step === 'object') value = { noise, value };
        else if (texts++ < 2) value = { text: JSON.stringify(value) };
      }
      const kept = redactBody(JSON.stringify(value));
      expect(kept).not.toContain(secret);
      expect(kept.length).toBeLessThan(8_300);
    }),
  );
});

it('cuts what is long, and says so; what is far too long or no JSON is not read', () => {
  expect(redactBody(JSON.stringify({ text: 'x'.repeat(20_000) }))).toMatch(
    /^\{"text":"x{8000,8192}…\[cut, 20011 characters\]$/,
  );
  expect(redactBody('x'.repeat(300_000))).toBe('"[300000 characters, too many to be kept]"');
  expect(redactBody('{password: hunter2')).toBe('"[18 characters that are not JSON]"');
});
