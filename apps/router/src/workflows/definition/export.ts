import { stringify } from 'yaml';
import type { NamedTask, Task, TaskList, Workflow } from './workflow';

export type ExportFormat = 'yaml' | 'json' | 'mermaid';

/** The definition as text: YAML or JSON that reads back to the same, or a Mermaid flowchart. */
export function exportWorkflow(workflow: Workflow, format: ExportFormat): string {
  if (format === 'json') return `${JSON.stringify(workflow.source, null, 2)}\n`;
  // Aliases would be shorter and harder to read.
  if (format === 'yaml') return stringify(workflow.source, { lineWidth: 120, aliasDuplicateObjects: false });
  return new Flowchart().draw(workflow);
}

/** Draws tasks as nodes, lists inside tasks as boxes, and the flow between them as arrows. */
class Flowchart {
  private readonly lines: string[] = [];
  private readonly arrows: string[] = [];
  private count = 0;

  draw(workflow: Workflow): string {
    const { title, name, namespace, version } = workflow.document;
    this.lines.push('flowchart TD', `  %% ${oneLine(`${namespace}/${name} ${version}`)}`);
    this.lines.push(`  start(["${label(title ?? name)}"])`, '  finish(["end"])');
    this.list(workflow.do, 'start', 'finish', '  ');
    return `${[...this.lines, ...this.arrows.map((arrow) => `  ${arrow}`)].join('\n')}\n`;
  }

  /** Draws a list between two nodes; `exit` and the last task lead to `after`. */
  private list(list: TaskList, before: string, after: string, indent: string): void {
    const ids = new Map(list.map(({ name }) => [name, this.nextId()]));
    const first = list[0];
    this.arrow(before, first ? (ids.get(first.name) ?? after) : after);
    list.forEach((named, index) => {
      const id = ids.get(named.name) ?? '';
      const following = list[index + 1];
      const next = following ? (ids.get(following.name) ?? after) : after;
      const target = (then: string): string => {
        if (then === 'continue') return next;
        if (then === 'end') return 'finish';
        return then === 'exit' ? after : (ids.get(then) ?? after);
      };
      this.task(named, id, target, next, indent);
    });
  }

  private task(
    { name, task }: NamedTask,
    id: string,
    target: (then: string) => string,
    next: string,
    indent: string,
  ): void {
    const text = label(`${name}: ${summary(task)}`);
    if (task.kind === 'switch') {
      this.lines.push(`${indent}${id}{"${text}"}`);
      for (const { name: option, when, then } of task.cases)
        this.arrow(id, target(then), when === undefined ? option : `${option}: ${when}`);
      if (task.cases.every(({ when }) => when !== undefined)) this.arrow(id, target(task.then), 'otherwise');
    } else {
      const inner = partsOf(task);
      if (inner.length === 0)
        this.lines.push(task.kind === 'raise' ? `${indent}${id}{{"${text}"}}` : `${indent}${id}["${text}"]`);
      else this.box(id, text, inner, indent);
      if (task.kind !== 'raise') this.arrow(inner.length === 0 ? id : `${id}_out`, target(task.then));
    }
    if (task.if !== undefined) this.arrow(id, next, `unless ${task.if}`, true);
  }

  private box(id: string, text: string, parts: Part[], indent: string): void {
    const deeper = `${indent}  `;
    this.lines.push(`${indent}subgraph ${id}_box["${text}"]`, `${deeper}${id}(( ))`, `${deeper}${id}_out(( ))`);
    for (const { list, title, isParallel } of parts) {
      if (!isParallel) {
        const from = title === undefined ? id : `${id}_${title}`;
        if (title !== undefined) {
          this.lines.push(`${deeper}${from}(["${label(title)}"])`);
          this.arrow(id, from, undefined, true);
        }
        this.list(list, from, `${id}_out`, deeper);
      } else for (const branch of list) this.list([branch], id, `${id}_out`, deeper);
    }
    this.lines.push(`${indent}end`);
  }

  private arrow(from: string, to: string, text?: string, isDotted = false): void {
    const line = isDotted ? '-.->' : '-->';
    this.arrows.push(text === undefined ? `${from} ${line} ${to}` : `${from} ${line}|"${label(text)}"| ${to}`);
  }

  private nextId(): string {
    this.count += 1;
    return `t${this.count}`;
  }
}

interface Part {
  list: TaskList;
  /** Names a part that is not simply run, such as `catch`. */
  title?: string;
  isParallel?: boolean;
}

function partsOf(task: Task): Part[] {
  switch (task.kind) {
    case 'do':
    case 'for':
      return [{ list: task.do }];
    case 'fork':
      return [{ list: task.branches, isParallel: true }];
    case 'try':
      return [{ list: task.try }, ...(task.catch.do ? [{ list: task.catch.do, title: 'catch' }] : [])];
    case 'listen':
      return task.foreach ? [{ list: task.foreach.do }] : [];
    default:
      return [];
  }
}

/** What a task does, in a few words. */
function summary(task: Task): string {
  switch (task.kind) {
    case 'call':
      return task.call;
    case 'for':
      return `for each ${task.each} in ${task.in}`;
    case 'fork':
      return task.compete ? 'race' : 'in parallel';
    case 'run':
      return `run ${task.workflow.namespace}/${task.workflow.name}`;
    case 'raise':
      return `raise ${typeof task.error === 'string' ? task.error : task.error.type}`;
    case 'wait':
      return 'ms' in task.wait ? `wait ${task.wait.ms} ms` : 'wait';
    default:
      return task.kind;
  }
}

const MAX_LABEL = 80;

/** Text for a label in quotes: one line, bounded, without what Mermaid would read as its own. */
function label(text: string): string {
  const line = oneLine(text);
  const short = line.length > MAX_LABEL ? `${line.slice(0, MAX_LABEL - 1)}…` : line;
  return short.replace(/[#&"<>`\\]/g, (character) => `#${character.charCodeAt(0)};`);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
