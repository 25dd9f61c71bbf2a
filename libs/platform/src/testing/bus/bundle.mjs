// Makes a TypeScript file of this workspace a program that Node can run: `node bundle.mjs <entry.ts> <folder>`.
import { basename, resolve } from 'node:path';
import { build } from 'rolldown';
import { bundleSettings } from '../../../../../tools/build.mjs';

const [entry, folder] = process.argv.slice(2);
await build(bundleSettings({ [basename(entry, '.ts')]: resolve(entry) }, resolve(folder)));
