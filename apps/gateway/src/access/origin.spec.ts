import { OriginCheck } from './origin';

const local = new OriginCheck({
  host: '127.0.0.1',
  allowedHosts: ['router.example'],
  allowedOrigins: ['https://app.example'],
});

describe('Host and Origin', () => {
  it.each([
    ['localhost:4000', undefined],
    ['127.0.0.1:4000', 'http://localhost:5173'],
    ['[::1]:4000', 'http://[::1]:4000'],
    ['router.example', 'https://app.example'],
    ['router.example', 'https://router.example'],
  ])('lets %s from %s in', (host, origin) => {
    expect(() => local.check(host, origin)).not.toThrow();
  });

  it.each([
    ['evil.example', undefined],
    ['evil.example:4000', 'http://evil.example:4000'],
    ['localhost.evil.example', undefined],
    ['localhost:4000', 'http://evil.example'],
    ['localhost:4000', 'null'],
    ['localhost:4000', 'http://localhost.evil.example'],
    ['localhost:4000', 'http://localhost:4000@evil.example'],
    [undefined, undefined],
  ])('refuses %s from %s', (host, origin) => {
    expect(() => local.check(host, origin)).toThrow(expect.objectContaining({ code: 'origin_refused' }) as Error);
  });

  it('serves any host name when it listens on every address, but still checks the origin', () => {
    const open = new OriginCheck({ host: '0.0.0.0', allowedHosts: [], allowedOrigins: [] });
    expect(() => open.check('router.svc:80', undefined)).not.toThrow();
    expect(() => open.check('router.svc:80', 'http://evil.example')).toThrow();
  });
});
