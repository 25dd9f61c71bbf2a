import { gzipSync } from 'node:zlib';
import tar from 'tar-stream';
import { ARCHIVE_LIMITS, safePath, unpack as unpackTo } from './archive';

interface Entry {
  name: string;
  content?: string | Buffer;
  type?: 'file' | 'symlink' | 'link' | 'directory' | 'character-device';
}

async function tarOf(entries: Entry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { name, content = '', type = 'file' } of entries)
    pack.entry(
      { name, type, ...(type === 'symlink' || type === 'link' ? { linkname: '/etc/passwd' } : {}) },
      type === 'file' ? content : '',
    );
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const CRC = Array.from({ length: 256 }, (_, n) =>
  Array.from({ length: 8 }).reduce<number>((c) => (c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1), n),
);
const crc32 = (data: Buffer) => ~data.reduce((crc, byte) => (CRC[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8), ~0) >>> 0;

/** A stored (not compressed) zip; `mode` are the Unix bits, `size` a lie about the length. */
function zipOf(entries: { name: string; content: string; mode?: number; size?: number }[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = 0o100644, size } of entries) {
    const [path, data] = [Buffer.from(name), Buffer.from(content)];
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50);
    head.writeUInt16LE(20, 4);
    head.writeUInt32LE(crc32(data), 14);
    head.writeUInt32LE(data.length, 18);
    head.writeUInt32LE(size ?? data.length, 22);
    head.writeUInt16LE(path.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt16LE(0x0314, 4);
    entry.writeUInt16LE(20, 6);
    head.copy(entry, 10, 8, 30);
    entry.writeUInt16LE(0, 30);
    entry.writeUInt32LE((mode << 16) >>> 0, 38);
    entry.writeUInt32LE(offset, 42);
    entry.writeUInt16LE(path.length, 28);
    bodies.push(head, path, data);
    directory.push(entry, path);
    offset += head.length + path.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, ...directory, end]);
}

async function unpack(kind: 'json' | 'zip' | 'tar', data: Buffer, limits = ARCHIVE_LIMITS) {
  const files: { path: string; content: Buffer }[] = [];
  const skipped = await unpackTo(kind, data, (path, content) => files.push({ path, content }), limits);
  return { files, skipped };
}

const CODE = 'export const a = 1;\n';

it('reads the code of a tar, a gzipped tar, a zip and a list', async () => {
  const archive = await tarOf([
    { name: './src/a.ts', content: CODE },
    { name: 'README.md', content: 'x' },
    { name: 'src', type: 'directory' },
  ]);
  const expected = { files: [{ path: 'src/a.ts', content: Buffer.from(CODE) }] };
  expect(await unpack('tar', archive)).toMatchObject(expected);
  expect(await unpack('tar', gzipSync(archive))).toMatchObject(expected);
  expect(await unpack('zip', zipOf([{ name: 'src/a.ts', content: CODE }]))).toMatchObject(expected);
  expect(await unpack('json', Buffer.from(JSON.stringify([{ path: 'src/a.ts', content: CODE }])))).toMatchObject(
    expected,
  );
});

it.each(['../a.ts', '/etc/a.ts', 'a/../../b.ts', 'C:\\a.ts', '..\\a.ts', 'a\0.ts', ''])(
  'refuses the path %j',
  async (name) => {
    expect(safePath(name)).toBeUndefined();
    await expect(
      unpack('json', Buffer.from(JSON.stringify([{ path: name || '.', content: CODE }]))),
    ).rejects.toMatchObject({ code: 'invalid_request' });
  },
);

it('refuses a zip and a tar that step outside', async () => {
  await expect(unpack('zip', zipOf([{ name: '../../evil.ts', content: CODE }]))).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await expect(unpack('tar', await tarOf([{ name: '../evil.ts', content: CODE }]))).rejects.toMatchObject({
    code: 'invalid_request',
  });
});

it('leaves links and devices alone', async () => {
  const { files, skipped } = await unpack(
    'tar',
    await tarOf([
      { name: 'a.ts', type: 'symlink' },
      { name: 'b.ts', type: 'link' },
      { name: 'c.ts', type: 'character-device' },
    ]),
  );
  expect(files).toEqual([]);
  expect(skipped).toEqual([
    { path: 'a.ts', reason: 'a link' },
    { path: 'b.ts', reason: 'a link' },
  ]);
  expect((await unpack('zip', zipOf([{ name: 'a.ts', content: '/etc/passwd', mode: 0o120777 }]))).skipped).toEqual([
    { path: 'a.ts', reason: 'a link' },
  ]);
});

it('stops at bombs: ratio, total, entries', async () => {
  const bomb = gzipSync(await tarOf([{ name: 'big.bin', content: Buffer.alloc(40_000_000) }]));
  await expect(unpack('tar', bomb)).rejects.toMatchObject({ code: 'limit_exceeded' });
  const small = { ...ARCHIVE_LIMITS, totalBytes: 50, entries: 3 };
  await expect(unpack('tar', await tarOf([{ name: 'a.ts', content: 'x'.repeat(100) }]), small)).rejects.toMatchObject({
    code: 'limit_exceeded',
  });
  await expect(
    unpack('tar', await tarOf(Array.from({ length: 5 }, (_, i) => ({ name: `${i}.ts` }))), small),
  ).rejects.toMatchObject({ code: 'limit_exceeded' });
});

it('leaves a file out that is too large, and refuses one that lies about its size', async () => {
  const limits = { ...ARCHIVE_LIMITS, fileBytes: 10 };
  expect((await unpack('tar', await tarOf([{ name: 'a.ts', content: 'x'.repeat(100) }]), limits)).skipped).toHaveLength(
    1,
  );
  await expect(
    unpack('zip', zipOf([{ name: 'a.ts', content: 'x'.repeat(100), size: 5 }]), limits),
  ).rejects.toMatchObject({ code: 'invalid_request' });
});

it.each([['zip'], ['tar'], ['json']] as const)('answers random bytes called %s with an error', async (kind) => {
  const noise = Buffer.from(Array.from({ length: 4_096 }, (_, i) => (i * 7919) % 251));
  await expect(unpack(kind, noise)).rejects.toMatchObject({ code: 'invalid_request' });
});
