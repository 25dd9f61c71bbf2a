import type { Json } from '../definition/json';
import { CATALOGUE } from './testing/catalogue';
import { VALID_DEFINITIONS } from './testing/valid-definitions';
import { validateWorkflow } from './validate';

const DOCUMENT = "document: { dsl: '1.0.3', namespace: test, name: sample, version: '1.0.0' }\n";

describe('validateWorkflow', () => {
  it('has a hundred definitions to be right about', () => expect(VALID_DEFINITIONS.length).toBeGreaterThanOrEqual(100));

  it.each(VALID_DEFINITIONS.map((definition, index) => [index, definition]))(
    'finds no fault in definition %d',
    (_index, definition) => {
      const { valid, diagnostics } = validateWorkflow(definition, CATALOGUE);
      expect(diagnostics.filter(({ severity }) => severity !== 'info')).toEqual([]);
      expect(valid).toBe(true);
    },
  );

  it('gives diagnostics in the order of the definition, with line and column', () => {
    const { diagnostics } = validateWorkflow(
      `${DOCUMENT}do:
  - first: { call: github__get_isue, with: {} }
  - second:
      set: { x: '\${ .a + }' }
      then: thrid
  - third: { wait: soon }
`,
      CATALOGUE,
    );
    expect(diagnostics.map(({ code, line, column }) => [code, line, column])).toEqual([
      ['WF402', 3, 14],
      ['WF305', 5, 14],
      ['WF201', 6, 7],
      ['WF107', 7, 14],
    ]);
    expect(diagnostics[0]?.hint).toBe('Did you mean `github__get_issue` or `github__list_issues`?');
    expect(diagnostics[1]?.message).toContain('at character 8');
  });

  it('recognises a misspelt argument in the one that is missing', () => {
    const write = (content: string): string =>
      `${DOCUMENT}do: [{ a: { call: files__write, with: { path: x, ${content} } } }]`;
    for (const content of ['contents: text', "contents: '${ .x }'"])
      expect(validateWorkflow(write(content), CATALOGUE).diagnostics).toMatchObject([
        { code: 'WF501', pointer: '/do/0/a/with', hint: 'You wrote `contents`; it is `content`' },
      ]);
  });

  it('names the tools that a definition calls, with their hashes', () => {
    const { tools } = validateWorkflow(`${DOCUMENT}do: [{ a: { call: files__read, with: { path: x } } }]`, CATALOGUE);
    expect(tools).toEqual({ files__read: 'read-1' });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['an empty text', ''],
    [
      'an object with wrong types everywhere',
      { document: 5, do: { a: [] }, use: [], input: 3, output: 'x', schedule: 7, timeout: [] },
    ],
    ['tasks of wrong types', { document: {}, do: [null, 5, 'x', [], {}, { a: null }, { a: 5 }, { b: [] }] }],
    [
      'properties of wrong types',
      {
        document: {},
        do: [
          { a: { call: 5, with: 7 } },
          { b: { for: 1, do: 2 } },
          { c: { try: 1, catch: 2 } },
          { d: { run: 1 } },
          { e: { listen: { to: 5 } } },
        ],
      },
    ],
    [
      'names of the prototype',
      {
        document: {},
        do: [{ constructor: { call: 'toString', then: 'hasOwnProperty' } }],
        use: { functions: { valueOf: 1 } },
      },
    ],
  ])('answers %s with diagnostics and never throws', (_name, source) => {
    const { valid, diagnostics } = validateWorkflow(source, CATALOGUE);
    expect(valid).toBe(false);
    expect(diagnostics.length).toBeGreaterThan(0);
  });

  it('never throws, however a right definition is damaged', () => {
    const damages: ((value: Json) => Json)[] = [
      () => null,
      () => 5,
      () => 'text',
      () => [],
      () => ({}),
      () => [{ x: {} }],
    ];
    const seen: string[] = [];
    let index = 0;
    for (const definition of VALID_DEFINITIONS) {
      const { workflow } = validateWorkflow(definition, CATALOGUE);
      const source = workflow?.source ?? {};
      for (const damaged of damagedCopies(source)) {
        const damage = damages[index++ % damages.length] ?? (() => null);
        const { diagnostics } = validateWorkflow(damaged(damage), CATALOGUE);
        // The catch-all of the validator would hide a fault of its own.
        for (const { message } of diagnostics) if (message.includes('could not be checked')) seen.push(message);
      }
    }
    expect(index).toBeGreaterThan(400);
    expect(seen).toEqual([]);
  });

  describe('definitions made to take long', () => {
    const many = (count: number, make: (index: number) => string): string =>
      Array.from({ length: count }, (_, index) => make(index)).join('\n');
    const MIB = 1_000_000;

    it.each<[string, string]>([
      [
        'thousands of faults',
        `${DOCUMENT}do:\n  - a:\n      set:\n${many(20_000, (index) => `        k${index}: '\${ .a + }'`)}`,
      ],
      [
        'thousands of unknown properties',
        `${DOCUMENT}do:\n  - a:\n      wait: PT1S\n${many(20_000, (index) => `      k${index}: 1`)}`,
      ],
      ['a very long expression', `${DOCUMENT}do: [{ a: { set: { x: '\${ ${'.a'.repeat(40_000)} }' } } }]`],
      ['an expression over the limit', `${DOCUMENT}do: [{ a: { set: { x: '\${ ${'1,'.repeat(200_000)}1 }' } } }]`],
      ['a sum of thousands', `${DOCUMENT}do: [{ a: { set: { x: '\${ ${'1+'.repeat(40_000)}1 }' } } }]`],
      ['what may look like tokens', `${DOCUMENT}do: [{ a: { set: { x: '${'-eyJ'.repeat(MIB / 5)}' } } }]`],
      [
        'a type that doubles',
        `${DOCUMENT}do:\n  - a: { set: { x: 1 } }\n${many(60, (index) => `  - t${index}: { set: { a: '\${ . }', b: '\${ . }' }, output: { schema: { document: { type: object } } } }`)}`,
      ],
      [
        'thousands of kinds of values',
        `${DOCUMENT}do: [{ a: { set: { l: [${Array.from({ length: 20_000 }, (_, index) => `{ k${index}: 1 }`).join()}] } } }, { b: { for: { in: .l }, do: [{ c: { set: { x: '\${ $item }' } } }] } }]`,
      ],
      [
        'a schema of thousands of alternatives',
        `${DOCUMENT}input: { schema: { document: { anyOf: [${Array.from({ length: 5_000 }, (_, index) => `{ const: { k: ${index} } }`).join()}] } } }\ndo: [{ a: { set: { x: '\${ .k }' } } }]`,
      ],
    ])('are answered in time: %s', (_name, definition) => {
      const started = performance.now();
      const { diagnostics } = validateWorkflow(definition, CATALOGUE);
      expect(performance.now() - started).toBeLessThan(30_000);
      expect(diagnostics.length).toBeLessThanOrEqual(2_000);
      expect(diagnostics.filter(({ message }) => message.includes('could not be checked'))).toEqual([]);
    });
  });

  it('lets a process be started only where that is allowed, and as it is written down', () => {
    const definition = (stdio: string) =>
      `${DOCUMENT}do: [{ a: { call: mcp, with: { method: tools/list, transport: { stdio: ${stdio} } } } }]`;
    const literal = definition(`{ command: ls, arguments: [-l], environment: { A: '\${ .a }' } }`);
    expect(validateWorkflow(literal, CATALOGUE).valid).toBe(false);
    const faultsOf = (text: string) =>
      validateWorkflow(text, CATALOGUE, { mayStartProcesses: true }).diagnostics.map(
        ({ code, pointer }) => `${code} ${pointer.replace('/do/0/a/with/transport/stdio', '')}`,
      );
    expect(faultsOf(literal)).toEqual([]);
    expect(faultsOf(definition(`{ command: '\${ .what }' }`))).toEqual(['WF111 /command']);
    expect(faultsOf(definition(`{ command: ls, arguments: [-l, '\${ .where }'] }`))).toEqual(['WF111 /arguments/1']);
  });
});

/** For every place in a value: how to make a copy that is damaged there. */
function* damagedCopies(root: Json): Generator<(damage: (value: Json) => Json) => Json> {
  const paths: (string | number)[][] = [];
  const collect = (value: Json, path: (string | number)[]): void => {
    paths.push(path);
    if (Array.isArray(value)) value.forEach((item, index) => collect(item, [...path, index]));
    else if (typeof value === 'object' && value !== null)
      for (const [name, item] of Object.entries(value)) collect(item, [...path, name]);
  };
  collect(root, []);
  // One place in three, unless there is time for all.
  const every = process.env['LONG_TESTS'] ? 1 : 3;
  for (const path of paths.filter((_, index) => index % every === 0))
    yield (damage) => {
      const copy = structuredClone(root);
      if (path.length === 0) return damage(copy);
      let parent = copy as Record<string | number, Json>;
      for (const step of path.slice(0, -1)) parent = parent[step] as Record<string | number, Json>;
      const last = path.at(-1) ?? '';
      parent[last] = damage(parent[last] ?? null);
      return copy;
    };
}
