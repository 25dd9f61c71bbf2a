import { challengeIn } from './authorized-dispatch';
import { isWithin, union } from './grant';

describe('what a refusal asks for', () => {
  it('is in the challenge of a 401, in any order and with or without quotes', () => {
    const metadata = 'https://wiki.example/.well-known/oauth-protected-resource';
    expect(challengeIn(401, `Bearer scope="a b", resource_metadata="${metadata}"`)).toEqual({
      status: 401,
      scope: 'a b',
      resourceMetadataUrl: metadata,
    });
    expect(challengeIn(401, `Bearer resource_metadata=${metadata},scope=a`)).toEqual({
      status: 401,
      scope: 'a',
      resourceMetadataUrl: metadata,
    });
  });

  it('is a token when a 401 says nothing', () => {
    expect(challengeIn(401, undefined)).toEqual({ status: 401 });
    expect(challengeIn(401, 'Bearer resource_metadata="not an address"')).toEqual({ status: 401 });
  });

  it('is found among several challenges', () => {
    expect(challengeIn(401, ['Basic realm="x"', 'Bearer scope="a"'])).toEqual({ status: 401, scope: 'a' });
  });

  it('is more scope when a 403 says so, and nothing otherwise', () => {
    expect(challengeIn(403, 'Bearer error="insufficient_scope", scope="write"')).toEqual({
      status: 403,
      scope: 'write',
    });
    expect(challengeIn(403, 'Bearer error="invalid_token"')).toBeUndefined();
    expect(challengeIn(403, undefined)).toBeUndefined();
    expect(challengeIn(200, 'Bearer scope="a"')).toBeUndefined();
  });
});

describe('scopes', () => {
  it('are compared and joined as sets', () => {
    expect(isWithin('b a', 'a b c')).toBe(true);
    expect(isWithin('d', 'a b c')).toBe(false);
    expect(isWithin(undefined, undefined)).toBe(true);
    expect(union('a b', undefined, 'b c')).toBe('a b c');
    expect(union(undefined, '')).toBeUndefined();
  });
});
