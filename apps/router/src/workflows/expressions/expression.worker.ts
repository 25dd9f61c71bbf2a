import { parentPort } from 'node:worker_threads';
import { WorkerBudget } from './budgets';
import { checkOutput } from './output';
import { compileProgram, runProgram } from './program';
import type { WorkerReply, WorkerRequest } from './sandbox';
import { ExpressionFault } from './syntax';

/** Evaluates one expression after the other; the parent ends this thread when one of them does not come back. */
function evaluate({ id, text, globals, data, now, limits }: WorkerRequest): WorkerReply {
  try {
    const budget = new WorkerBudget(limits.timeoutMs, limits.maxBuilt);
    const result = runProgram(compileProgram(text), { budget, globals, now }, data);
    return { id, value: checkOutput(result, limits.maxOutputBytes) };
  } catch (error) {
    const { kind, message, at, value } =
      error instanceof ExpressionFault
        ? error
        : new ExpressionFault('limit', error instanceof Error ? error.message : 'The expression failed');
    return {
      id,
      fault: { kind, message, ...(at === undefined ? {} : { at }), ...(value === undefined ? {} : { value }) },
    };
  }
}

parentPort?.on('message', (request: WorkerRequest) => parentPort?.postMessage(evaluate(request)));
parentPort?.postMessage('ready');
