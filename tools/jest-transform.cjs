// Turns TypeScript, and packages that ship only ES modules, into the CommonJS that Jest can load.
const { createHash } = require('node:crypto');
const { existsSync, readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const swc = require('@swc/core');

const SALT = createHash('sha1').update(readFileSync(__filename)).update(swc.version).digest('hex');
const COMMON = { swcrc: false, configFile: false, sourceMaps: 'inline', module: { type: 'commonjs' } };
const TYPESCRIPT = {
  ...COMMON,
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
    keepClassNames: true,
  },
};
const JAVASCRIPT = { ...COMMON, jsc: { target: 'es2022', parser: { syntax: 'ecmascript' } } };

const packageTypes = new Map();

/** `type` of the nearest package.json: `module` or `commonjs`. */
function packageType(folder) {
  const known = packageTypes.get(folder);
  if (known) return known;
  const manifest = join(folder, 'package.json');
  const type = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')).type ?? 'commonjs')
    : dirname(folder) === folder
      ? 'commonjs'
      : packageType(dirname(folder));
  packageTypes.set(folder, type);
  return type;
}

module.exports = {
  process(source, filename) {
    if (filename.endsWith('.ts')) return swc.transformSync(source, { ...TYPESCRIPT, filename });
    const isModule = filename.endsWith('.mjs') || packageType(dirname(filename)) === 'module';
    return isModule ? swc.transformSync(source, { ...JAVASCRIPT, filename }) : { code: source };
  },
  getCacheKey(source, filename) {
    return createHash('sha1').update(SALT).update(filename).update('\0').update(source).digest('hex');
  },
};
