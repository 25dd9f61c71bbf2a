import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../../../..');

/** Bundles the child process as the build does. @returns path of the script, below the workspace so that modules are found */
export function buildChild(): string {
  const output = join(ROOT, 'dist/test', `engine.${process.pid}`, 'engine.child.mjs');
  const script = `
    import { build } from 'rolldown';
    await build({
      input: ${JSON.stringify(join(ROOT, 'apps/analyzer/src/engine/engine.child.ts'))},
      platform: 'node',
      tsconfig: ${JSON.stringify(join(ROOT, 'tsconfig.base.json'))},
      external: (id) => /^[\\w@]/.test(id) && !id.startsWith('@mcp-router/'),
      transform: { target: 'node20', assumptions: { setPublicClassFields: true }, typescript: { removeClassFieldsWithoutInitializer: true } },
      logLevel: 'silent',
      output: { file: ${JSON.stringify(output)}, format: 'esm', banner: 'const { filename: __filename, dirname: __dirname } = import.meta;' },
    });`;
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT });
  return output;
}
