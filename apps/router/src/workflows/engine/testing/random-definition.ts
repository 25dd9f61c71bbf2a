import fc from 'fast-check';
import type { JsonObject } from '../../definition/json';

/** What surrounds a task that is made up. */
interface Around {
  depth: number;
  /** Tells effects of branches apart, whose order between them is open. */
  lane: string;
  /** Variables whose values tell the visits of one task apart. */
  variables: readonly string[];
  /** Whether it may end the whole workflow, or fault, without cutting off others at a moment that is open. */
  mayEnd: boolean;
}

export interface RandomWorkflow {
  definition: JsonObject;
  input: JsonObject;
}

const CHILDREN = ['child-a', 'child-b'];
const document = (name: string) => ({ dsl: '1.0.3', namespace: 'random', name, version: '1.0.0' });

/** Workflows that others run. */
export const CHILD_DEFINITIONS: Readonly<Record<string, JsonObject>> = {
  'child-a': {
    document: document('child-a'),
    do: [
      { touch: { call: 'fx__write', with: { mark: '${ "a-" + .mark }', lane: '${ .lane }', n: '${ .n }' } } },
      { pause: { wait: { milliseconds: 2 } } },
      { add: { set: { n: '${ .n + 10 }', from: 'a' } } },
    ],
  },
  'child-b': {
    document: document('child-b'),
    do: [
      { touch: { call: 'fx__read', with: { mark: '${ "b-" + .mark }', lane: '${ .lane }', n: '${ .n }' } } },
      { fail: { raise: { error: { type: 'https://e.example/child', status: 422 } } } },
    ],
  },
};

/** A workflow of every kind of task whose end does not depend on which of two things is first. */
export function randomWorkflow(name: string): fc.Arbitrary<RandomWorkflow> {
  const around = { depth: 0, lane: 'main', variables: [], mayEnd: true };
  return fc.record({
    definition: tasks(around, 1, 5).map((list): JsonObject => ({ document: document(name), do: list })),
    input: fc.record({
      n: fc.integer({ min: 0, max: 5 }),
      list: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
    }),
  });
}

let made = 0;

function tasks(around: Around, minLength: number, maxLength: number): fc.Arbitrary<JsonObject[]> {
  return fc.array(task(around), { minLength, maxLength }).chain((bodies) => {
    const names = bodies.map((_, index) => `t${index}`);
    const flows = names.map((_, index) => fc.constantFrom<(string | undefined)[]>(undefined, undefined, undefined, undefined, 'exit', ...names.slice(index + 1), ...(around.mayEnd ? ['end'] : []))); // prettier-ignore
    return fc.tuple(...flows).map((thens) =>
      bodies.map((body, index): JsonObject => {
        const then = thens[index];
        const isSwitch = 'switch' in body;
        const cases = [{ one: { when: '(.n? // 0) > 4', then: then ?? 'continue' } }, { two: { then: 'continue' } }];
        const whole = isSwitch ? { ...body, switch: cases } : then === undefined ? body : { ...body, then };
        return { [names[index] as string]: whole };
      }),
    );
  });
}

function task(around: Around): fc.Arbitrary<JsonObject> {
  const { depth } = around;
  const deep = depth < 3 ? [group(around), loop(around), attempt(around), branches(around)] : [];
  const plain = [call(around), call(around), set(), simple(around)];
  return fc
    .tuple(fc.oneof(...plain, ...plain, ...deep), filters())
    .map(([body, more]): JsonObject => ({ ...body, ...more }));
}

function filters(): fc.Arbitrary<JsonObject> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constant({ if: '((.n? // 0) % 2) == 0' }) },
    { weight: 1, arbitrary: fc.constant({ input: { from: '{ n: ((.n? // 0) + 1), list: [1, 2] }' } }) },
    { weight: 1, arbitrary: fc.constant({ output: { as: '{ n: (.n? // 0), was: ($input | type) }' } }) },
    { weight: 1, arbitrary: fc.constant({ export: { as: '{ kept: (.n? // 0), sum: (($context.sum? // 0) + 1) }' } }) },
  );
}

function mark({ variables }: Around): string {
  const parts = variables.map((name) => `-\\($${name})`).join('');
  return `\${ "m${made++}${parts}" }`;
}

function call(around: Around): fc.Arbitrary<JsonObject> {
  return fc
    .record({ isSafe: fc.boolean(), fails: fc.constantFrom(0, 0, 0, 0, 1, 2, 9), status: fc.constantFrom(404, 503) })
    .map(({ isSafe, fails, status }): JsonObject => ({
      call: isSafe ? 'fx__read' : 'fx__write',
      with: {
        mark: mark(around),
        lane: around.lane,
        n: '${ (.n? // 0) + 1 }',
        ...(fails > 0 && !isAlone(around) ? { fails, status } : {}),
      },
    }));
}

/** At the outermost level a fault ends most runs too soon to be of interest. */
const isAlone = ({ depth }: Around) => depth === 0;

function set(): fc.Arbitrary<JsonObject> {
  return fc.oneof(
    fc.integer({ min: 0, max: 9 }).map((n): JsonObject => ({ set: { n, list: [n, 1] } })),
    fc.constant<JsonObject>({
      set: { n: '${ (.n? // 0) + ($context.kept? // 0) }', list: '${ [$workflow.input.n] }' },
    }),
  );
}

function simple(around: Around): fc.Arbitrary<JsonObject> {
  const run = fc.constantFrom(...CHILDREN).map((name): JsonObject => {
    const input = { mark: mark(around), lane: around.lane, n: '${ .n? // 0 }' };
    return { run: { workflow: { namespace: 'random', name, version: '1.0.0', input } } };
  });
  return fc.oneof(
    fc.integer({ min: 1, max: 4 }).map((milliseconds): JsonObject => ({ wait: { milliseconds } })),
    fc.constant<JsonObject>({ switch: [] }),
    fc.constant<JsonObject>({ emit: { event: { with: { source: 'https://e.example', type: 'random', data: { n: '${ .n? }' } } } }, output: { as: '.data' } }), // prettier-ignore
    ...(around.depth > 0
      ? [run, fc.constant<JsonObject>({ raise: { error: { type: 'https://e.example/odd', status: 418 } } })]
      : []),
    ...(around.depth > 0
      ? [fc.constant<JsonObject>({ wait: { hours: 2 }, timeout: { after: { milliseconds: 4 } } })]
      : []),
  );
}

function group(around: Around): fc.Arbitrary<JsonObject> {
  return tasks({ ...around, depth: around.depth + 1 }, 1, 3).map((list): JsonObject => ({ do: list }));
}

function loop(around: Around): fc.Arbitrary<JsonObject> {
  const name = `i${around.depth}`;
  const inside = { ...around, depth: around.depth + 1, variables: [...around.variables, name] };
  return fc
    .tuple(tasks(inside, 1, 2), fc.constantFrom('[1, 2]', '.list? // [3]', '[7, 8, 9]'), fc.boolean())
    .map(([list, items, isBounded]): JsonObject => ({
      for: { each: 'x', in: items, at: name },
      ...(isBounded ? { while: '(.n? // 0) < 6' } : {}),
      do: list,
    }));
}

function attempt(around: Around): fc.Arbitrary<JsonObject> {
  const inside = { ...around, depth: around.depth + 1 };
  const policy = fc.record({ count: fc.integer({ min: 1, max: 3 }), ms: fc.integer({ min: 0, max: 2 }) });
  return fc
    .tuple(
      tasks(inside, 1, 2),
      fc.option(policy),
      fc.option(fc.constantFrom(404, 503, 418)),
      fc.option(tasks(inside, 1, 2)),
    )
    .map(([list, retry, status, handler]): JsonObject => ({
      try: list,
      catch: {
        as: 'err',
        ...(status === null ? {} : { errors: { with: { status } } }),
        ...(retry === null
          ? {}
          : { retry: { delay: { milliseconds: retry.ms }, limit: { attempt: { count: retry.count } } } }),
        ...(handler === null ? {} : { do: [{ note: { set: { n: '${ $err.status }' } } }, ...handler] }),
      },
    }));
}

function branches(around: Around): fc.Arbitrary<JsonObject> {
  const branch = (index: number) => {
    const lane = `${around.lane}/${made++}.${index}`;
    // A branch that faults would cut the others off wherever they are.
    return tasks({ ...around, depth: around.depth + 1, lane, mayEnd: false }, 1, 2).map((list): JsonObject => ({
      [`b${index}`]: { try: list, catch: {} },
    }));
  };
  const side = fc.constant(0).chain(() => fc.tuple(branch(0), branch(1)));
  const late = { late: { do: [{ w: { wait: { hours: 2 } } }, { n: { set: { n: 99 } } }] } };
  return fc.tuple(side, fc.boolean()).map(([list, isRace]): JsonObject => ({
    fork: isRace ? { compete: true, branches: [late, list[0]] } : { branches: list },
  }));
}
