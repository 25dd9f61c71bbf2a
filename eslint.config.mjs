// The rules of the house that a machine can hold. Boundaries: an app never imports an app, `shared` is pure, errors are AppError.
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const APPS = ['gateway', 'router', 'discovery', 'monitor', 'analyzer'];
const TESTS = ['**/*.spec.ts', '**/src/testing/**/*.ts', '**/*.bench.ts', 'e2e/**/*.ts', 'bench/**/*.ts'];

const noHttpException = {
  group: ['@nestjs/common', '@nestjs/microservices'],
  importNamePattern: 'Exception$',
  message: 'Throw AppError: it is rendered for HTTP, JSON-RPC and the bus alike.',
};
const noDeepImport = {
  regex: '^@mcp-router/(?!shared$|shared/tool-definition$|platform$|platform/testing$)|(^|/)(libs|apps)/',
  message: 'Import the public surface: @mcp-router/shared or @mcp-router/platform.',
};
const noTestingImport = {
  group: ['@mcp-router/platform/testing'],
  message: 'Test helpers are for tests.',
};
const onlyZod = {
  regex: '^(?!zod$|\\.{1,2}/)',
  message: 'libs/shared is pure: it imports zod and itself, so a browser can import it.',
};

export default defineConfig(
  { ignores: ['**/dist/', 'coverage/', '.nx/', '.mcp-router/', '**/node_modules/', '**/fixtures/', 'docs/'] },
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: ['./tsconfig.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      // Nest declares option bags as classes; object literals are how they are meant to be given.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Past 300 lines look for the seam; a file that reads better whole may stay whole.
      'max-lines': 'off',
    },
  },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
          tsconfig: { configFile: `${import.meta.dirname}/tsconfig.base.json` },
        }),
      ],
    },
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: [
            ...APPS.map((app) => ({
              target: `./apps/${app}`,
              from: './apps',
              except: [`./${app}`],
              message: 'An app never imports another app: ask it over the bus.',
            })),
            { target: './libs', from: './apps', message: 'A lib never imports an app.' },
            {
              target: './libs/shared',
              from: './libs/platform',
              message: 'libs/shared is pure: it never imports platform.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['apps/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [noHttpException, noDeepImport, noTestingImport] },
      ],
    },
  },
  {
    files: ['libs/shared/**/*.ts'],
    ignores: TESTS,
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [onlyZod] }] },
  },
  {
    // The environment is read once, by the schema in config.ts.
    files: ['apps/**/*.ts', 'libs/**/*.ts'],
    ignores: [...TESTS, 'apps/*/src/config.ts', 'libs/platform/src/boot.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Read it in config.ts.' }],
    },
  },
  {
    files: TESTS,
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { ...noDeepImport, regex: '^@mcp-router/(?!shared$|shared/tool-definition$|platform$|platform/testing$)' },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    rules: {
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
    },
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'setTimeout',
          'clearTimeout',
          'setInterval',
          'clearInterval',
          'setImmediate',
          'fetch',
          'URL',
          'AbortSignal',
          'AbortController',
          'Buffer',
          'performance',
          'structuredClone',
          'TextDecoder',
          'TextEncoder',
          'describe',
          'it',
          'expect',
          'beforeAll',
          'afterAll',
          'beforeEach',
          'afterEach',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { module: 'writable', require: 'readonly', __dirname: 'readonly', __filename: 'readonly' },
    },
  },
);
