import { RouterEnv } from '../config';
import { definitionLimits, runLimits } from './limits';

const addresses = { DATABASE_URL: 'postgres://unused', REDIS_URL: 'redis://unused' };

it('every limit of workflows is configured by a variable of its own', () => {
  const usual = RouterEnv.parse(addresses);
  expect({ ...definitionLimits(usual), ...runLimits(usual) }).toEqual({
    maxBytes: 1_048_576,
    maxTasks: 1_000,
    maxDepth: 32,
    maxBranches: 50,
    maxIterations: 10_000,
    maxPayloadBytes: 1_048_576,
    maxEvents: 50_000,
    maxWaitMs: 30 * 86_400_000,
  });
  const other = RouterEnv.parse({
    ...addresses,
    WORKFLOW_MAX_DEFINITION_BYTES: '2000',
    WORKFLOW_MAX_TASKS: '3',
    WORKFLOW_MAX_DEPTH: '4',
    WORKFLOW_MAX_BRANCHES: '5',
    WORKFLOW_MAX_ITERATIONS: '6',
    WORKFLOW_MAX_PAYLOAD_BYTES: '7000',
    WORKFLOW_MAX_EVENTS: '80',
    WORKFLOW_MAX_WAIT_DAYS: '9',
  });
  expect({ ...definitionLimits(other), ...runLimits(other) }).toEqual({
    maxBytes: 2_000,
    maxTasks: 3,
    maxDepth: 4,
    maxBranches: 5,
    maxIterations: 6,
    maxPayloadBytes: 7_000,
    maxEvents: 80,
    maxWaitMs: 9 * 86_400_000,
  });
});
