import { didYouMean } from '../definition/nearest';
import { pointerTo } from '../definition/json';
import { DIRECTIVES, type NamedTask, type Task, type TaskList } from '../definition/workflow';
import { listsOf } from '../definition/task-lists';
import type { Check } from './check';

/** Where the flow may go after a task: an index in its list, or out of it. */
interface Edge {
  to: number | 'out';
  pointer: string;
}

export interface Flow {
  edges: Edge[][];
  /** Whether each task can be reached from the first. */
  isReached: boolean[];
}

/** The ways through one list of tasks; reports what leads nowhere, is never reached or never ends. */
export function checkFlow(check: Check, list: TaskList): Flow {
  const places = new Map(list.map(({ name }, index) => [name, index]));
  const edges = list.map((named, index) => edgesOf(check, named, index, list, places));
  const isReached = reach(edges);
  list.forEach(({ name, pointer }, index) => {
    // Of several in a row the first says it.
    if (!isReached[index] && (index === 0 || isReached[index - 1]))
      check.report('WF203', pointer, `Nothing leads to \`${name}\``);
  });
  if (check.workflow.timeout === undefined) reportLoops(check, list, edges, isReached);
  return { edges, isReached };
}

function edgesOf(check: Check, named: NamedTask, index: number, list: TaskList, places: Map<string, number>): Edge[] {
  const { task, pointer } = named;
  const next = (at: string): Edge => ({ to: index + 1 < list.length ? index + 1 : 'out', pointer: at });
  const target = (then: string, at: string): Edge[] => {
    if (then === 'continue') return [next(at)];
    if (then === 'exit' || then === 'end') return [{ to: 'out', pointer: at }];
    const place = places.get(then);
    if (place !== undefined) return [{ to: place, pointer: at }];
    const hint = didYouMean(then, [...places.keys(), ...DIRECTIVES]);
    check.report('WF201', at, `No task of this list is named \`${then}\``, { hint });
    return [next(at)];
  };
  const skipped: Edge[] = task.if === undefined ? [] : [next(pointer)];
  if (isNever(task.if)) return skipped;
  const own = target(task.then, pointerTo(pointer, 'then'));
  if (task.kind === 'raise') return skipped;
  if (task.kind !== 'switch') return [...skipped, ...own];
  const cases = task.cases.flatMap(({ then, pointer: at }) => target(then, pointerTo(at, 'then')));
  const hasDefault = task.cases.some(({ when }) => when === undefined);
  return [...skipped, ...cases, ...(hasDefault ? [] : own)];
}

function isNever(condition: string | undefined): boolean {
  return condition !== undefined && /^\s*(\$\{)?\s*(false|null)\s*\}?\s*$/.test(condition);
}

function reach(edges: Edge[][]): boolean[] {
  const isReached = edges.map(() => false);
  const open = edges.length > 0 ? [0] : [];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (isReached[index]) continue;
    isReached[index] = true;
    for (const { to } of edges[index] ?? []) if (to !== 'out') open.push(to);
  }
  return isReached;
}

/** Groups of tasks that lead only to one another, and hold nothing that ends the run, run for ever. */
function reportLoops(check: Check, list: TaskList, edges: Edge[][], isReached: boolean[]): void {
  // Without a jump back there is no loop; most lists have none.
  const backward = edges
    .flatMap((from, index) => from.map((edge) => ({ index, ...edge })))
    .filter(({ to, index }) => to !== 'out' && to <= index);
  const reported = new Set<number>();
  for (const { index, to, pointer } of backward) {
    if (to === 'out' || !isReached[index] || reported.has(index)) continue;
    const inside = new Set<number>();
    let canLeave = false;
    const open = [to];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (inside.has(at)) continue;
      inside.add(at);
      const named = list[at];
      canLeave ||= named !== undefined && mayEnd(named.task);
      for (const edge of edges[at] ?? []) {
        if (edge.to === 'out') canLeave = true;
        else open.push(edge.to);
      }
    }
    if (canLeave || !inside.has(index)) continue;
    for (const member of inside) reported.add(member);
    const names = [...inside].sort((a, b) => a - b).map((member) => list[member]?.name ?? '');
    const related = [...inside].map((member) => ({
      pointer: list[member]?.pointer ?? '',
      message: 'Part of the loop',
    }));
    check.report('WF206', pointer, `${names.map((name) => `\`${name}\``).join(', ')} run one another for ever`, {
      related,
    });
  }
}

/** Whether a task can end the run or fail on purpose. */
function mayEnd(task: Task): boolean {
  if (task.kind === 'raise' || task.then === 'end' || task.then === 'exit') return true;
  if (task.kind === 'switch') return task.cases.some(({ then }) => then === 'end' || then === 'exit');
  return listsOf(task).some((inner) => inner.some((named) => mayEndInside(named.task)));
}

/** Inside of a composite `exit` leaves only that. */
function mayEndInside(task: Task): boolean {
  if (task.kind === 'raise' || task.then === 'end') return true;
  if (task.kind === 'switch' && task.cases.some(({ then }) => then === 'end')) return true;
  return listsOf(task).some((inner) => inner.some((named) => mayEndInside(named.task)));
}

/** Whether `end` stands anywhere below. */
export function hasEnd(list: TaskList): boolean {
  return list.some(
    ({ task }) =>
      task.then === 'end' ||
      (task.kind === 'switch' && task.cases.some(({ then }) => then === 'end')) ||
      listsOf(task).some(hasEnd),
  );
}
