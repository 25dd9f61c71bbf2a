import { isObject, type Json } from '../definition/json';
import type { Task } from '../definition/workflow';
import type { Outcome } from './event';
import { WorkflowFault } from './fault';
import { holdsSensitive, type Result, type TaskRunner } from './interpreter';
import type { Strand } from './agenda';

/**
 * `fork`: branches side by side, each with a `$context` of its own. With `compete` the first that completes is the
 * result and the others end; else all are, in order, and one that faults ends the others.
 */
export const fork: TaskRunner<Task & { kind: 'fork' }> = (run, { task, pointer }, input, frame, path) => {
  const { strand } = frame;
  const isSensitive = frame.isSensitive === true || holdsSensitive(task.source);
  const race = async (): Promise<Outcome> => {
    const branches = task.branches.map((branch, index) => {
      const inner = strand.open();
      const ended = run.task(branch, input, { ...frame, strand: inner }, `${path}/fork/${index}`);
      return { inner, ended };
    });
    try {
      const first = await (task.compete ? firstCompleted(branches) : allCompleted(branches));
      return { ...first, context: first.context ?? strand.context };
    } catch (thrown) {
      return { error: WorkflowFault.from(thrown, pointer).error, context: strand.context };
    } finally {
      run.abandon(strand, ...branches.map(({ inner }) => inner));
    }
  };
  return run.decide(`${path}/fork`, strand, race, isSensitive);
};

interface Branch {
  inner: Strand;
  ended: Promise<Result>;
}

type Joined = { output: Json; end?: boolean; context: Json };

async function firstCompleted(branches: Branch[]): Promise<Joined> {
  try {
    return await Promise.any(
      branches.map(async ({ inner, ended }) => {
        const { output, end } = await ended;
        return { output, context: inner.context, ...(end ? { end } : {}) };
      }),
    );
  } catch (all) {
    throw (all as AggregateError).errors[0];
  }
}

function allCompleted(branches: Branch[]): Promise<Joined> {
  return new Promise((resolve, reject) => {
    let left = branches.length;
    const outputs: Json[] = new Array<Json>(left).fill(null);
    branches.forEach(({ inner, ended }, index) => {
      ended.then(({ output, end }) => {
        outputs[index] = output;
        left -= 1;
        if (end) resolve({ output, end, context: inner.context });
        else if (left === 0) resolve({ output: outputs, context: merged(branches) });
      }, reject);
    });
  });
}

/** What the branches wrote into `$context`, the later one over the earlier. */
function merged(branches: Branch[]): Json {
  return branches.reduce<Json>((context, { inner }) => {
    if (isObject(context) && isObject(inner.context)) return { ...context, ...inner.context };
    return inner.context ?? context;
  }, null);
}
