import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { measure } from './measure';
import frozen from './oracles/lizard-python.json';
import { parse } from './parser';

/** Python that nobody here wrote and that is wherever Node.js is: gyp, which npm builds native packages with. */
const CORPUS = ['../lib', '..'].map((above) =>
  join(dirname(realpathSync(process.execPath)), above, 'node_modules/npm/node_modules/node-gyp/gyp'),
);

const files = Object.entries(frozen.files).flatMap(([path, { sha256, functions }]) => {
  const found = CORPUS.map((folder) => join(folder, path)).find((file) => existsSync(file));
  const source = found === undefined ? '' : readFileSync(found, 'utf8');
  return createHash('sha256').update(source).digest('hex') === sha256 ? [{ path, source, functions }] : [];
});

// Another release of npm brings other files, of which the table says nothing.
(files.length > 0 ? it : it.skip)(`agrees with ${frozen.tool} on the functions of ${frozen.corpus}`, async () => {
  const differences: string[] = [];
  let functions = 0;
  for (const { path, source, functions: rows } of files) {
    const { functions: ours } = measure(await parse(source, 'python'), 'python');
    for (const row of rows) {
      functions++;
      const [line, name, theirs] = row.split(' ');
      const found = ours.find(
        (unit) => `${unit.line}` === line && unit.name.split('.').pop() === name?.split('.').pop(),
      );
      if (`${found?.cyclomatic}` !== theirs) differences.push(`${path}: ${row}, ours ${found?.cyclomatic}`);
    }
  }
  expect(differences).toEqual([]);
  if (files.length === Object.keys(frozen.files).length) expect(functions).toBe(1_270);
});
