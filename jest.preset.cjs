const { join } = require('node:path');

/** What every Jest project of the workspace shares; `<project>/jest.config.cjs` adds its name and root. */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  // Soak and scale tests are run by `npm run test:long`.
  testPathIgnorePatterns: ['/node_modules/', ...(process.env.LONG_TESTS ? [] : ['\\.long\\.spec\\.ts$'])],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  moduleNameMapper: {
    '^@mcp-router/shared$': join(__dirname, 'libs/shared/src/index.ts'),
    '^@mcp-router/shared/tool-definition$': join(__dirname, 'libs/shared/src/tool-definition.ts'),
    '^@mcp-router/platform$': join(__dirname, 'libs/platform/src/index.ts'),
    '^@mcp-router/platform/testing$': join(__dirname, 'libs/platform/src/testing/index.ts'),
  },
  resolver: join(__dirname, 'tools/jest-resolver.cjs'),
  transform: { '^.+\\.(ts|js|mjs)$': join(__dirname, 'tools/jest-transform.cjs') },
  // ESM-only packages must become CommonJS too: Jest's loader has no require(esm) before Node 24.9.
  transformIgnorePatterns: [],
  // Agents' worktrees, builds and data may lie inside the checkout.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.mcp-router/'],
  coverageProvider: 'v8',
  // A test that waits for a condition has limits of its own; this one only ends what hangs, also on a slow machine.
  testTimeout: 300_000,
};
