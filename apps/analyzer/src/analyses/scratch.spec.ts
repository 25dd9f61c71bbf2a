import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quickPlace, removeStale, withScratch } from './scratch';

it('is gone after the work, also when that fails', async () => {
  const used: string[] = [];
  await withScratch(async (folder) => {
    used.push(folder);
    writeFileSync(join(folder, 'a'), 'x');
    return Promise.resolve();
  });
  await expect(
    withScratch((folder) => {
      used.push(folder);
      return Promise.reject(new Error('no'));
    }),
  ).rejects.toThrow('no');
  expect(used.map((folder) => existsSync(folder))).toEqual([false, false]);
});

it('is removed when a killed process has left it, and only then, wherever it lies', async () => {
  for (const place of new Set([tmpdir(), await quickPlace()])) await staleGoes(place);
});

async function staleGoes(place: string): Promise<void> {
  const [old, fresh] = ['a', 'b'].map((name) => mkdtempSync(join(place, `mcp-router-analysis-${name}`)));
  try {
    utimesSync(old ?? '', 1, 1);
    await removeStale();
    expect([existsSync(old ?? ''), existsSync(fresh ?? '')]).toEqual([false, true]);
  } finally {
    rmSync(fresh ?? '', { recursive: true, force: true });
  }
}
