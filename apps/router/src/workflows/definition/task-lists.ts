import type { Task, TaskList, Workflow } from './workflow';

/** The lists of tasks directly inside a task. */
export function listsOf(task: Task): TaskList[] {
  switch (task.kind) {
    case 'do':
    case 'for':
      return [task.do];
    case 'fork':
      return [task.branches];
    case 'try':
      return [task.try, ...(task.catch.do ? [task.catch.do] : [])];
    case 'listen':
      return task.foreach ? [task.foreach.do] : [];
    default:
      return [];
  }
}

/** The workflows that a workflow runs, each once. */
export function runsOf({ do: list, use }: Workflow): { namespace: string; name: string }[] {
  const found = new Map<string, { namespace: string; name: string }>();
  const visit = (task: Task): void => {
    if (task.kind === 'run') {
      const { namespace, name } = task.workflow;
      found.set(`${namespace}/${name}`, { namespace, name });
    }
    for (const inner of listsOf(task)) for (const named of inner) visit(named.task);
  };
  for (const { task } of list) visit(task);
  for (const task of Object.values(use.functions)) visit(task);
  return [...found.values()];
}
