import { afterRepeating, countsByFile, failedFiles, total } from './test-report.mjs';

const tests = (passed, failed = 0, skipped = 0) => [
  ...Array.from({ length: passed }, () => ({ status: 'passed' })),
  ...Array.from({ length: failed }, () => ({ status: 'failed' })),
  ...Array.from({ length: skipped }, () => ({ status: 'pending' })),
];
const file = (name, ...counts) => {
  const assertionResults = tests(...counts);
  const status = assertionResults.some((test) => test.status === 'failed') ? 'failed' : 'passed';
  return { name: `/repo/${name}`, status, assertionResults };
};
const broken = (name, ...counts) => ({ ...file(name, ...counts), status: 'failed' });
const run = (...testResults) => countsByFile({ testResults }, '/repo');

describe('the counts of a suite', () => {
  it('are those of its files, without what was skipped', () => {
    const counts = run(file('apps/a.int.spec.ts', 3, 0, 2), file('apps/b.int.spec.ts', 2, 1));
    expect(total(counts)).toEqual({ passed: 5, failed: 1 });
    expect(failedFiles(counts)).toEqual(['apps/b.int.spec.ts']);
  });

  it('have one failure for a file that could not be run, and for one whose set-up failed though its tests passed', () => {
    expect(total(run(broken('a'), broken('b', 2)))).toEqual({ passed: 2, failed: 2 });
  });

  it('take each test once: of a file that was run again only the second run', () => {
    const first = run(file('a', 5), file('b', 2, 3), file('c', 4, 1), broken('d'));
    const { counts, flaky } = afterRepeating(first, run(file('b', 5), file('c', 4, 1), file('d', 7)));
    expect(flaky).toEqual(['b', 'd']);
    expect(total(counts)).toEqual({ passed: 5 + 5 + 4 + 7, failed: 1 });
  });

  it('keep the failure of a file whose second run gave no report, or ran nothing', () => {
    const { counts, flaky } = afterRepeating(run(file('a', 1, 1), file('b', 1, 1)), run(file('b', 0, 0, 2)));
    expect(flaky).toEqual([]);
    expect(total(counts)).toEqual({ passed: 2, failed: 2 });
  });

  it('never take a file from the second run that had not failed in the first', () => {
    const { counts, flaky } = afterRepeating(run(file('a', 2)), run(file('a', 0, 2), file('z', 9)));
    expect([total(counts), flaky]).toEqual([{ passed: 2, failed: 0 }, []]);
  });
});
