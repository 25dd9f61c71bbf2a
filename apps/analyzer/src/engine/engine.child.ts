import { Worker } from 'node:worker_threads';
import { TASKS, type ChildReady, type TaskReply, type TaskRequest } from './tasks';

/** The process in which hostile input is read: takes one task at a time from its parent and ends with it. */
process.on('message', ({ id, task, input }: TaskRequest) => {
  void work(id, task, input).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));
process.send?.({ isReady: true } satisfies ChildReady);
// The parent decides when a child ends; a Ctrl-C in the terminal reaches both.
process.on('SIGINT', () => undefined);
// A task that never yields would never see the parent go: a thread looks for it.
new Worker(
  `const parent = ${process.ppid}; setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);`,
  { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } },
).unref();

async function work(id: number, task: TaskRequest['task'], input: unknown): Promise<TaskReply> {
  try {
    const run = TASKS[task] as (input: unknown) => unknown;
    return { id, output: await run(input) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
