import { parseWorkflow } from './parse';
import { type ForTask, type TryTask } from './workflow';

const HEAD = `document:
  dsl: '1.0.3'
  namespace: shop
  name: orders
  version: '1.0.0'
`;

function faultsOf(text: string) {
  return parseWorkflow(text).faults.map(({ code, pointer, line, column }) => ({ code, pointer, line, column }));
}

describe('parseWorkflow', () => {
  it('reads YAML into tasks with names, pointers and every default filled in', () => {
    const { workflow, faults } = parseWorkflow(
      `${HEAD}do:
  - each:
      for: { in: .colors }
      do:
        - paint: { set: { colour: '\${ $item }' } }
`,
    );
    expect(faults).toEqual([]);
    const loop = workflow?.do[0]?.task as ForTask;
    expect(loop).toMatchObject({ kind: 'for', each: 'item', at: 'index', then: 'continue' });
    expect(loop.do[0]).toMatchObject({ name: 'paint', pointer: '/do/0/each/do/0/paint' });
    expect(loop.metadata).toEqual({ idempotency: 'auto', onUncertain: 'ask', sensitive: false });
  });

  it('reads the same definition from JSON and from an object', () => {
    const yaml = parseWorkflow(`${HEAD}do: [{ nap: { wait: { seconds: 5 } } }]`).workflow;
    const json = parseWorkflow(JSON.stringify(yaml?.source)).workflow;
    expect(json).toEqual(yaml);
    expect(parseWorkflow(yaml?.source).workflow).toEqual(yaml);
  });

  it('points to line and column of a fault in YAML', () => {
    expect(faultsOf(`${HEAD}do:\n  - pause:\n      wait: soon\n`)).toEqual([
      { code: 'WF107', pointer: '/do/0/pause/wait', line: 8, column: 7 },
    ]);
  });

  it('points to line and column of a fault in JSON', () => {
    const text = '{\n "document": { "dsl": "1.0.3", "namespace": "n", "name": "n", "version": "1" },\n "do": []\n}';
    expect(faultsOf(text)).toEqual([
      { code: 'WF110', pointer: '/document/version', line: 2, column: 63 },
      { code: 'WF105', pointer: '/do', line: 3, column: 2 },
    ]);
  });

  it('says where text is neither YAML nor JSON', () => {
    expect(faultsOf('document: [')).toMatchObject([{ code: 'WF100', line: 1 }]);
    expect(faultsOf('{\n  "a": 1,\n}')).toMatchObject([{ code: 'WF100', line: 3, column: 1 }]);
    expect(faultsOf('a: 1\na: 2')).toMatchObject([{ code: 'WF100', line: 2 }]);
  });

  it.each(['', 'null', '[]', '12', 'text'])('answers %j with a fault, not an exception', (text) => {
    const { workflow, faults } = parseWorkflow(text);
    expect(workflow).toBeUndefined();
    expect(faults).toHaveLength(1);
  });

  it('answers values that are not JSON with a fault', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    for (const value of [loop, undefined, null, () => 1, 10n]) expect(parseWorkflow(value).faults).toHaveLength(1);
  });

  it('reads retries, catch filters and backoff', () => {
    const { workflow, faults } = parseWorkflow(`${HEAD}do:
  - risky:
      try:
        - ask: { call: http, with: { method: get, endpoint: 'https://example.com/{id}' } }
      catch:
        errors: { with: { status: 503 } }
        as: problem
        retry:
          delay: PT0.5S
          backoff: { exponential: {} }
          limit: { attempt: { count: 4, duration: PT5S }, duration: { minutes: 1 } }
          jitter: { from: { milliseconds: 10 }, to: { milliseconds: 50 } }
`);
    expect(faults).toEqual([]);
    expect((workflow?.do[0]?.task as TryTask).catch).toEqual({
      as: 'problem',
      filter: { status: 503 },
      retry: {
        delay: { ms: 500 },
        backoff: 'exponential',
        limit: { attempts: 4, attemptDuration: { ms: 5_000 }, duration: { ms: 60_000 } },
        jitter: { from: { ms: 10 }, to: { ms: 50 } },
      },
    });
  });

  it('reads a cron schedule with its time zone', () => {
    const { workflow } = parseWorkflow(
      `${HEAD}schedule: { cron: 'CRON_TZ=Europe/Berlin 0 9 * * 1-5' }\ndo: [{ a: { wait: PT1S } }]`,
    );
    expect(workflow?.schedule).toEqual({ kind: 'cron', cron: '0 9 * * 1-5', timeZone: 'Europe/Berlin' });
  });

  it('tells tools, protocols, runtime functions and functions of the document apart', () => {
    const { workflow, faults } = parseWorkflow(`${HEAD}use:
  functions:
    my__own: { call: http, with: { method: get, endpoint: 'https://example.com' } }
do:
  - a: { call: github__get_issue, with: { number: 1 } }
  - b: { call: my__own }
  - c: { call: approve, with: { message: Sure? } }
  - d: { call: openapi, with: { document: { endpoint: 'https://example.com/api.json' }, operationId: find } }
`);
    expect(faults).toEqual([]);
    const targets = workflow?.do.map(({ task }) => task.kind === 'call' && task.target);
    expect(targets).toEqual(['tool', 'function', 'approve', 'openapi']);
  });

  describe('limits', () => {
    it('refuses a text above the limit of bytes', () => {
      expect(faultsOf(`${HEAD}#${'x'.repeat(1_048_576)}`)).toMatchObject([{ code: 'WF106', pointer: '' }]);
    });

    it('refuses an object above the limit of bytes', () => {
      const source = { document: {}, do: [{ a: { set: { text: 'x'.repeat(1_048_577) } } }] };
      expect(parseWorkflow(source).faults).toMatchObject([{ code: 'WF106', pointer: '' }]);
    });

    it('accepts 1,000 tasks and refuses one more', () => {
      const tasks = (count: number) =>
        Array.from({ length: count }, (_, index) => ({ [`t${index}`]: { wait: 'PT1S' } }));
      const document = { dsl: '1.0.3', namespace: 'n', name: 'n', version: '1.0.0' };
      expect(parseWorkflow({ document, do: tasks(1_000) }).faults).toEqual([]);
      expect(parseWorkflow({ document, do: tasks(1_001) }).faults).toMatchObject([
        { code: 'WF106', pointer: '/do/1000/t1000' },
      ]);
    });

    it('accepts 32 lists inside one another and refuses one more', () => {
      const nested = (depth: number): object =>
        depth === 1 ? [{ a: { wait: 'PT1S' } }] : [{ a: { do: nested(depth - 1) } }];
      const document = { dsl: '1.0.3', namespace: 'n', name: 'n', version: '1.0.0' };
      expect(parseWorkflow({ document, do: nested(32) }).faults).toEqual([]);
      expect(parseWorkflow({ document, do: nested(33) }).faults).toMatchObject([{ code: 'WF106' }]);
    });

    it('refuses more than 50 branches', () => {
      const branches = Array.from({ length: 51 }, (_, index) => ({ [`b${index}`]: { wait: 'PT1S' } }));
      const document = { dsl: '1.0.3', namespace: 'n', name: 'n', version: '1.0.0' };
      expect(parseWorkflow({ document, do: [{ split: { fork: { branches } } }] }).faults).toMatchObject([
        { code: 'WF106', pointer: '/do/0/split/fork/branches' },
      ]);
    });

    it('refuses a YAML alias bomb quickly', () => {
      const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x]'];
      for (let level = 1; level < 12; level++)
        lines.push(
          `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(',')}]`,
        );
      const started = performance.now();
      expect(faultsOf(lines.join('\n'))).toMatchObject([{ code: 'WF100' }]);
      // Unfolded, they would be 9^12 values.
      expect(performance.now() - started).toBeLessThan(10_000);
    });

    it.each([
      ['brackets', '['.repeat(100_000)],
      ['braces', '{a: '.repeat(50_000)],
      ['dashes', '- '.repeat(100_000)],
      ['JSON brackets', `{"a":${'['.repeat(100_000)}`],
      ['balanced JSON', `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ])('refuses %s nested without end quickly', (_name, text) => {
      const started = performance.now();
      expect(parseWorkflow(text).faults.length).toBeGreaterThan(0);
      expect(performance.now() - started).toBeLessThan(15_000);
    });

    it('refuses a property that would reach the prototype', () => {
      expect(faultsOf('{"document": {}, "do": [{"a": {"set": {"__proto__": {"b": 1}}}}]}')).toMatchObject([
        { code: 'WF101', pointer: '/do/0/a/set/__proto__' },
      ]);
    });

    it('refuses numbers that JSON does not have', () => {
      expect(faultsOf(`${HEAD}do: [{ a: { set: { b: .inf } } }]`)).toMatchObject([{ pointer: '/do/0/a/set/b' }]);
    });
  });
});
