import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ServiceLog } from './log.mjs';
import { until } from '../infra/processes.mjs';

const MEGABYTE = 1024 * 1024;

describe('the log of a service', () => {
  let folder;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'log-spec-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const sizes = () => readdirSync(folder).map((name) => statSync(join(folder, name)).size);

  it('keeps at most four files of about 5 MB', async () => {
    const log = new ServiceLog(folder, 'sample', () => {});
    const line = `${'x'.repeat(10_000)}\n`;
    const stream = Readable.from(Array(3_500).fill(line));
    log.follow(stream, false);
    await new Promise((resolve) => stream.once('end', resolve));
    await until(() => sizes().length === 4 && sizes().every((size) => size > MEGABYTE), 5_000);
    expect(readdirSync(folder).sort()).toEqual(['sample.log', 'sample.log.1', 'sample.log.2', 'sample.log.3']);
    expect(Math.max(...sizes())).toBeLessThan(5.1 * MEGABYTE);
  });

  it('does not flood the terminal with a service that repeats itself', async () => {
    const shown = [];
    const log = new ServiceLog(folder, 'sample', (line) => shown.push(line));
    const stream = Readable.from(Array(1_000).fill('it is broken\n'));
    log.follow(stream, true);
    await new Promise((resolve) => stream.once('end', resolve));
    expect(shown).toHaveLength(21);
    expect(shown.at(-1)).toContain('more in');
  });

  it('puts lines together that arrive in pieces', async () => {
    const shown = [];
    const log = new ServiceLog(folder, 'sample', (line) => shown.push(line));
    const stream = Readable.from(['one ', 'line\nand ', 'another\n']);
    log.follow(stream, true);
    await new Promise((resolve) => stream.once('end', resolve));
    expect(shown).toEqual(['[sample] one line', '[sample] and another']);
  });
});
