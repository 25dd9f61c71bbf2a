import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './workspace.mjs';

const LINT = `
  import { ESLint } from 'eslint';
  const eslint = new ESLint({ cwd: process.cwd() });
  const reports = [];
  for (const { text, filePath } of JSON.parse(process.env.CASES)) {
    const [{ messages }] = await eslint.lintText(text, { filePath });
    reports.push(messages.map(({ ruleId }) => ruleId));
  }
  console.log(JSON.stringify(reports));
`;

/** The rules that each text breaks when it stands in the file named. One ESLint for all: it is slow to start. */
function brokenRules(cases) {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', LINT], {
    cwd: ROOT,
    encoding: 'utf8',
    // In a single run the linter would read the files from the disk instead of these texts.
    env: { ...process.env, CASES: JSON.stringify(cases), TSESTREE_SINGLE_RUN: 'false' },
  });
  return JSON.parse(output);
}

const app = 'apps/gateway/src/config.ts';
const shared = 'libs/shared/src/errors.ts';
const platform = 'libs/platform/src/index.ts';

const VIOLATIONS = [
  [
    'an app imports an app',
    app,
    `export * from '../../router/src/upstreams/upstream';`,
    'import-x/no-restricted-paths',
  ],
  [
    'an app reaches into a lib by path',
    app,
    `export * from '../../../libs/shared/src/errors';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'an app throws an HttpException',
    app,
    `export { NotFoundException } from '@nestjs/common';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  [
    'shared imports platform',
    shared,
    `export * from '@mcp-router/platform';`,
    '@typescript-eslint/no-restricted-imports',
  ],
  ['shared imports a Node built-in', shared, `export * from 'node:fs';`, '@typescript-eslint/no-restricted-imports'],
  ['shared imports Nest', shared, `export * from '@nestjs/common';`, '@typescript-eslint/no-restricted-imports'],
  [
    'a lib imports an app',
    platform,
    `export * from '../../../apps/router/src/upstreams/upstream';`,
    'import-x/no-restricted-paths',
  ],
  ['a promise is left floating', app, `Promise.resolve(1);`, '@typescript-eslint/no-floating-promises'],
];
const ALLOWED = [
  ['an app imports the libs', app, `export * from '@mcp-router/shared';\nexport * from '@mcp-router/platform';\n`],
  ['platform imports shared and Node', platform, `export * from '@mcp-router/shared';\nexport * from 'node:path';\n`],
];

describe('the module boundaries', () => {
  const all = [...VIOLATIONS, ...ALLOWED];
  let rules;
  beforeAll(() => {
    rules = brokenRules(all.map(([, filePath, text]) => ({ filePath, text })));
  }, 180_000);

  it.each(VIOLATIONS)('lint fails when %s', (_title, filePath, _text, rule) => {
    expect(existsSync(join(ROOT, filePath))).toBe(true);
    expect(rules[all.findIndex(([title]) => title === _title)]).toContain(rule);
  });

  it.each(ALLOWED)('lint passes when %s', (_title) => {
    expect(rules[all.findIndex(([title]) => title === _title)]).toEqual([]);
  });
});
