/** All tests of the workspace; `node tools/test.mjs` chooses among them. */
module.exports = {
  projects: ['<rootDir>/apps/*', '<rootDir>/libs/*', '<rootDir>/tools', '<rootDir>/e2e'],
  testSequencer: '<rootDir>/tools/jest-sequencer.cjs',
  // Of many projects Jest takes it from here only.
  testTimeout: 300_000,
};
