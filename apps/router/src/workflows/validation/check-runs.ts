import { isObject, pointerTo } from '../definition/json';
import { didYouMean } from '../definition/nearest';
import type { Task } from '../definition/workflow';
import type { Check, ExpressionPlace } from './check';
import { checkArguments } from './check-arguments';
import { typeOfSchema } from './schema-types';
import { ANY, assignability, describeType, type Type } from './types';

/** The run of another workflow: that there is one, that it takes the input, and that it does not come back here. */
export function checkRun(
  check: Check,
  task: Extract<Task, { kind: 'run' }>,
  pointer: string,
  place: ExpressionPlace,
): Type {
  const at = `${pointer}/run/workflow`;
  const { namespace, name, version, input } = task.workflow;
  const { document } = check.workflow;
  // A `run` that was refused or could not be read has said so already.
  if (name === '') return ANY;
  const inputAt = pointerTo(at, 'input');
  if (input !== null) check.template(input, inputAt, place);
  if (namespace === document.namespace && name === document.name) {
    check.report('WF204', at, `\`${namespace}/${name}\` runs itself`);
    return ANY;
  }
  const found = check.catalogue.workflow(namespace, name, version);
  if (!found) {
    const names = check.catalogue.workflowNames?.() ?? [];
    const text = version === 'latest' ? '' : ` in version ${version}`;
    check.report('WF408', at, `There is no workflow \`${namespace}/${name}\`${text}`, {
      hint: didYouMean(`${namespace}/${name}`, names),
    });
    return ANY;
  }
  if (leadsTo(check, found.runs ?? [], document, new Set()))
    check.report('WF204', at, `\`${namespace}/${name}\` runs this workflow again`);
  const { inputSchema } = found;
  if (isObject(inputSchema) && input !== null)
    checkArguments(check, input, inputAt, inputSchema, place, `The workflow \`${name}\``);
  else if (inputSchema !== undefined && assignability(place.data, typeOfSchema(inputSchema)) === 'never')
    check.report('WF504', at, `The input of this task, ${describeType(place.data)}, never fits the workflow`);
  if (!task.await) return place.data;
  return found.outputSchema === undefined ? ANY : typeOfSchema(found.outputSchema);
}

function leadsTo(
  check: Check,
  runs: readonly { namespace: string; name: string }[],
  goal: { namespace: string; name: string },
  seen: Set<string>,
): boolean {
  return runs.some(({ namespace, name }) => {
    if (namespace === goal.namespace && name === goal.name) return true;
    const key = `${namespace}/${name}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return leadsTo(check, check.catalogue.workflow(namespace, name, 'latest')?.runs ?? [], goal, seen);
  });
}
