import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../../../../..');
const BUNDLE = `
import { pathToFileURL } from 'node:url';
const [root, entry, file] = process.argv.slice(1);
const { rolldown } = await import(pathToFileURL(root + '/node_modules/rolldown/dist/index.mjs').href);
const bundle = await rolldown({ input: entry, platform: 'node', external: (id) => /^\\w/.test(id), logLevel: 'silent' });
await bundle.write({ file, format: 'esm', banner: 'const { filename: __filename, dirname: __dirname } = import.meta;' });
`;

/** Bundles the worker as the build does and gives its path: a thread cannot run TypeScript. */
export function bundleWorker(): string {
  const file = join(ROOT, `dist/test/expression.worker.${process.pid}.mjs`);
  const entry = join(__dirname, '../expression.worker.ts');
  execFileSync(process.execPath, ['--input-type=module', '-e', BUNDLE, ROOT, entry, file]);
  return file;
}
