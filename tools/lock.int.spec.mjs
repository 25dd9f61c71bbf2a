import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startedAt } from './infra/processes.mjs';
import { lockHolder, tryLock, withLock } from './lock.mjs';

describe('a lock between processes', () => {
  let folder, path;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lock-spec-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('names its holder to whoever comes second, and is free after release', () => {
    const lock = tryLock(path, { url: 'http://here' });
    expect(tryLock(path).holder).toMatchObject({ pid: process.pid, url: 'http://here' });
    lock.release();
    expect(tryLock(path).release).toBeDefined();
  });

  it('is void when its holder was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    writeFileSync(path, JSON.stringify({ pid: child.pid, startedAt: startedAt(child.pid) }));
    expect(lockHolder(path)).toMatchObject({ pid: child.pid });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(lockHolder(path)).toBeUndefined();
    expect(tryLock(path).release).toBeDefined();
  });

  it('is void when its pid now belongs to a process that started later', () => {
    writeFileSync(path, JSON.stringify({ pid: process.pid, startedAt: '1' }));
    expect(lockHolder(path)).toBeUndefined();
  });

  it('lets one in at a time, and the next also after a failure', async () => {
    const seen = [];
    const work = (name) =>
      withLock(path, async () => {
        seen.push(`${name} in`);
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(`${name} out`);
        if (name === 'a') throw new Error('a failed');
      });
    const results = await Promise.allSettled([work('a'), work('b')]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(seen).toEqual(['a in', 'a out', 'b in', 'b out']);
    expect(existsSync(path)).toBe(false);
  });
});
