// With several workers what takes longest begins first, so that none of them is left alone with it at the end.
const { statSync } = require('node:fs');

/** Seconds on two cores, of the files that take much longer than others of their size. */
const LONG = {
  'e2e/monitor-replicas.e2e.spec.ts': 48,
  'e2e/conformance/matrix.e2e.spec.ts': 43,
  'apps/router/src/workflows/engine/crashes.int.spec.ts': 42,
  'e2e/upstreams/rolling-restart.e2e.spec.ts': 32,
  'apps/analyzer/src/engine/complexity.oracle.spec.ts': 30,
  'apps/router/src/upstreams/supervision.int.spec.ts': 25,
  'tools/boundaries.spec.mjs': 21,
  'e2e/mcp/replicas.e2e.spec.ts': 20,
  'libs/platform/src/bus/failures.int.spec.ts': 20,
  'e2e/call-log.e2e.spec.ts': 19,
  'e2e/launcher.e2e.spec.ts': 19,
  'e2e/conformance/client.e2e.spec.ts': 45,
  'e2e/workflows/durable.e2e.spec.ts': 15,
  'e2e/mcp/tasks.e2e.spec.ts': 15,
  'e2e/access.e2e.spec.ts': 14,
  'e2e/analysis/quarantine.e2e.spec.ts': 13,
  'apps/analyzer/src/analyses/analyses.service.int.spec.ts': 13,
  'apps/discovery/src/probe/probe.int.spec.ts': 13,
  'e2e/conformance/replicas.e2e.spec.ts': 13,
};
/** A file of so many bytes takes about a second. */
const BYTES_A_SECOND = 2_000;

const seconds = ({ path }) => {
  const known = Object.keys(LONG).find((file) => path.endsWith(`/${file}`));
  return known ? LONG[known] : Math.min(10, statSync(path).size / BYTES_A_SECOND);
};

module.exports = class LongestFirst {
  sort(tests) {
    const weighed = tests.map((test) => [test, seconds(test)]);
    return weighed.sort(([, a], [, b]) => b - a).map(([test]) => test);
  }

  shard(tests, { shardIndex, shardCount }) {
    return tests.filter((_, index) => index % shardCount === shardIndex - 1);
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
};
