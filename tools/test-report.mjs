// What the JSON reports of Jest say, and how a suite whose failed files were run again is counted: each test once.
import { relative } from 'node:path';

/**
 * Reads the report of one run.
 *
 * @param report  what `jest --json` wrote
 * @param root    the folder that the names of files are relative to
 * @returns by file: how many tests passed and failed; a file that failed as a whole has at least one failure
 */
export function countsByFile(report, root) {
  return new Map(
    report.testResults.map(({ name, status, assertionResults }) => {
      const of = (outcome) => assertionResults.filter((test) => test.status === outcome).length;
      return [
        relative(root, name),
        { passed: of('passed'), failed: Math.max(of('failed'), status === 'failed' ? 1 : 0) },
      ];
    }),
  );
}

/** The files with a failure, sorted. */
export const failedFiles = (counts) => [...counts].flatMap(([file, { failed }]) => (failed > 0 ? [file] : [])).sort();

export function total(counts) {
  const sum = (key) => [...counts.values()].reduce((all, count) => all + count[key], 0);
  return { passed: sum('passed'), failed: sum('failed') };
}

/**
 * What counts after the failed files were run again. A file of which the second run says nothing, because Jest died over
 * it, keeps its failure.
 *
 * @returns `{ counts, flaky }`: the counts by file, and the files that failed at first and passed alone
 */
export function afterRepeating(first, second) {
  const hasRun = (file) => second.has(file) && second.get(file).passed + second.get(file).failed > 0;
  const repeated = failedFiles(first).filter(hasRun);
  const counts = new Map([...first, ...repeated.map((file) => [file, second.get(file)])]);
  return { counts, flaky: repeated.filter((file) => second.get(file).failed === 0) };
}
