import { addressKind, parseAddress } from './address';
import { outboundPolicy } from './policy';

const kindOf = (text: string) => {
  const bytes = parseAddress(text);
  return bytes && addressKind(bytes);
};

it.each([
  ['8.8.8.8', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['2606:4700::1111', 'public'],
  ['::ffff:8.8.8.8', 'public'],
  ['64:ff9b::808:808', 'public'],
  ['2002:808:808::1', 'public'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::127.0.0.1', 'loopback'],
  ['::ffff:0:127.0.0.1', 'loopback'],
  ['64:ff9b::7f00:1', 'loopback'],
  ['64:ff9b:1::7f00:1', 'loopback'],
  ['2002:7f00:1::', 'loopback'],
  ['2400:cb00::5efe:127.0.0.1', 'loopback'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'private'],
  ['fd12:3456::1', 'private'],
  ['fc00::1', 'private'],
  ['::ffff:192.168.1.1', 'private'],
  ['2002:c0a8:101::', 'private'],
  ['169.254.1.1', 'link-local'],
  ['fe80::1', 'link-local'],
  ['fe80::1%eth0', 'link-local'],
  ['169.254.169.254', 'metadata'],
  ['::ffff:169.254.169.254', 'metadata'],
  ['::ffff:a9fe:a9fe', 'metadata'],
  ['64:ff9b::a9fe:a9fe', 'metadata'],
  ['2002:a9fe:a9fe::', 'metadata'],
  ['fd00:ec2::254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['0.0.0.0', 'reserved'],
  ['::', 'reserved'],
  ['224.0.0.1', 'reserved'],
  ['255.255.255.255', 'reserved'],
  ['192.0.2.1', 'reserved'],
  ['198.18.0.1', 'reserved'],
  ['ff02::1', 'reserved'],
  ['2001:db8::1', 'reserved'],
  ['2001::1', 'reserved'],
])('knows %s as %s', (address, kind) => {
  expect(kindOf(address)).toBe(kind);
});

it.each(['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '127.0.0.1.', 'localhost', '', '::g'])(
  'does not take "%s" for an address',
  (text) => {
    expect(parseAddress(text)).toBeUndefined();
  },
);

describe('an allow-list', () => {
  const check =
    (allow: string, host: string, address: string, port = 80) =>
    () =>
      outboundPolicy(allow.split(',')).check(host, port, [address]);

  it.each([
    ['loopback', 'localhost', '127.0.0.1'],
    ['loopback', 'localhost', '::1'],
    ['private', 'db', '10.1.2.3'],
    ['10.1.0.0/16', 'db', '10.1.2.3'],
    ['10.1.0.0/16', 'db', '::ffff:10.1.2.3'],
    ['10.1.2.3', '10.1.2.3', '10.1.2.3'],
    ['tools.internal', 'tools.internal', '10.1.2.3'],
    ['tools.internal', 'TOOLS.internal.', '10.1.2.3'],
    ['*.internal', 'a.b.internal', 'fd00::1'],
    ['[::1]:80', 'localhost', '::1'],
    ['localhost:80', 'localhost', '127.0.0.1'],
    ['169.254.169.254', 'metadata', '169.254.169.254'],
  ])('with %s lets %s at %s through', (allow, host, address) => {
    expect(check(allow, host, address)).not.toThrow();
  });

  it.each([
    ['', 'localhost', '127.0.0.1'],
    ['private', 'localhost', '127.0.0.1'],
    ['loopback', 'db', '10.1.2.3'],
    ['10.1.0.0/16', 'db', '10.2.2.3'],
    ['localhost:81', 'localhost', '127.0.0.1'],
    ['*.internal', 'internal', '10.0.0.1'],
    ['*.internal', 'notinternal', '10.0.0.1'],
    ['private,loopback,meta.internal', 'meta.internal', '169.254.169.254'],
    ['private,loopback,meta.internal', 'meta.internal', 'fe80::1'],
    ['private,loopback', 'meta', 'fd00:ec2::254'],
    ['private', 'zero', '0.0.0.0'],
  ])('with "%s" refuses %s at %s', (allow, host, address) => {
    expect(check(allow, host, address)).toThrow(expect.objectContaining({ code: 'url_refused' }));
  });

  it('refuses a name as soon as one of its addresses is refused', () => {
    expect(() => outboundPolicy([]).check('mixed', 80, ['8.8.8.8', '127.0.0.1'])).toThrow(/127\.0\.0\.1 is a loopback/);
  });

  it.each(['http://x', '10.0.0.0/33', 'a b', '[::g]', 'host:port'])(
    'that says "%s" is refused when it is read',
    (text) => {
      expect(() => outboundPolicy([text])).toThrow(text);
    },
  );
});
