import { type DiagnosticCode, DIAGNOSTICS } from './diagnostics';
import { CATALOGUE } from './testing/catalogue';
import { validateWorkflow } from './validate';

const DOCUMENT = "document: { dsl: '1.0.3', namespace: test, name: sample, version: '1.0.0' }\n";
/** A definition with these tasks. */
const tasks = (...items: string[]): string => `${DOCUMENT}do:\n${items.map((item) => `  - ${item}\n`).join('')}`;
/** A definition with this `use` and these tasks. */
const using = (use: string, ...items: string[]): string => `use: ${use}\n${tasks(...items)}`;
const document = (text: string): string => `document: { ${text} }\ndo: [{ a: { wait: PT1S } }]\n`;
const nested = (depth: number, inner: string): string =>
  depth === 0 ? inner : `[{ a: { do: ${nested(depth - 1, inner)} } }]`;
const NAP = 'nap: { wait: PT1S }';
const call = (tool: string, args: string): string => `c: { call: ${tool}, with: ${args} }`;
const trying = (inner: string, retry = '{ limit: { attempt: { count: 3 } } }'): string =>
  `t: { try: [{ ${inner} }], catch: { retry: ${retry} } }`;

/** For each code: a definition, and the pointers at which it is found, and nowhere else. */
const CASES: Record<DiagnosticCode, [definition: string, ...pointers: string[]][]> = {
  WF100: [
    ['document: [', ''],
    ['{"document": {}', ''],
    ['a: 1\na: 2', ''],
  ],
  WF101: [
    [tasks('a: { set: { x: 1 }, color: red }'), '/do/0/a/color'],
    [tasks('a: { for: { each: x }, do: [{ b: { wait: PT1S } }] }'), '/do/0/a/for'],
    [tasks('a: { call: http, with: { method: get } }'), '/do/0/a/with'],
    [tasks('a: { wait: PT1S, if: true }'), '/do/0/a/if'],
    [tasks('a: { call: http, with: { method: get, endpoint: nowhere } }'), '/do/0/a/with/endpoint'],
    [tasks('a: { raise: { error: { type: "https://e.com/x" } } }'), '/do/0/a/raise/error'],
    [tasks('a: { listen: { to: { one: { with: {} } } } }'), '/do/0/a/listen/to/one/with'],
    [tasks('a: { wait: PT1S, metadata: { idempotency: maybe } }'), '/do/0/a/metadata/idempotency'],
    [`${DOCUMENT}schedule: { every: PT1M, cron: "* * * * *" }\ndo: [{ ${NAP} }]`, '/schedule'],
  ],
  WF102: [
    [document("dsl: '0.8', namespace: n, name: n, version: '1.0.0'"), '/document/dsl'],
    [document("dsl: '2.0.0', namespace: n, name: n, version: '1.0.0'"), '/document/dsl'],
    [document("dsl: latest, namespace: n, name: n, version: '1.0.0'"), '/document/dsl'],
  ],
  WF103: [
    [tasks(NAP, NAP), '/do/1/nap'],
    [tasks(`outer: { do: [{ ${NAP} }, { other: { wait: PT1S } }, { ${NAP} }] }`), '/do/0/outer/do/2/nap'],
    [tasks(`f: { fork: { branches: [{ ${NAP} }, { ${NAP} }] } }`), '/do/0/f/fork/branches/1/nap'],
  ],
  WF104: [
    [tasks('end: { wait: PT1S }'), '/do/0/end'],
    [tasks('continue: { wait: PT1S }'), '/do/0/continue'],
    [tasks('a: { do: [{ exit: { wait: PT1S } }] }'), '/do/0/a/do/0/exit'],
  ],
  WF105: [
    [`${DOCUMENT}do: []`, '/do'],
    [tasks('a: { do: [] }'), '/do/0/a/do'],
    [tasks('a: { switch: [] }'), '/do/0/a/switch'],
  ],
  WF106: [
    [`${DOCUMENT}do: ${nested(32, `[{ ${NAP} }]`)}`, `/do${'/0/a/do'.repeat(32)}`],
    [
      `${DOCUMENT}do: [{ f: { fork: { branches: [${Array.from({ length: 51 }, (_, i) => `{ b${i}: { wait: PT1S } }`).join()}] } } }]`,
      '/do/0/f/fork/branches',
    ],
    [tasks(...Array.from({ length: 1_001 }, (_, index) => `t${index}: { wait: PT1S }`)), '/do/1000/t1000'],
  ],
  WF107: [
    [tasks('a: { wait: 5 minutes }'), '/do/0/a/wait'],
    [tasks('a: { wait: { minuts: 5 } }'), '/do/0/a/wait/minuts'],
    [tasks('a: { wait: PT1S, timeout: { after: { seconds: -1 } } }'), '/do/0/a/timeout/after/seconds'],
    [`${DOCUMENT}schedule: { every: PT0.1S }\ndo: [{ ${NAP} }]`, '/schedule/every'],
  ],
  WF108: [
    [`${DOCUMENT}schedule: { cron: every monday }\ndo: [{ ${NAP} }]`, '/schedule/cron'],
    [`${DOCUMENT}schedule: { cron: 'CRON_TZ=Mars/Olympus 0 9 * * *' }\ndo: [{ ${NAP} }]`, '/schedule/cron'],
    [`${DOCUMENT}schedule: { cron: 0 9 31 2 * }\ndo: [{ ${NAP} }]`, '/schedule/cron'],
  ],
  WF109: [
    [`${DOCUMENT}do: [{ a: { wait: PT1S }, b: { wait: PT1S } }]`, '/do/0'],
    [tasks('a: { set: { x: 1 }, wait: PT1S }'), '/do/0/a'],
    [tasks('a: { cal: http }'), '/do/0/a'],
    [tasks('a: { switch: [{ x: { then: end }, y: { then: end } }] }'), '/do/0/a/switch/0'],
  ],
  WF110: [
    [document("dsl: '1.0.3', namespace: n, name: my flow, version: '1.0.0'"), '/document/name'],
    [document("dsl: '1.0.3', namespace: -n, name: n, version: '1.0.0'"), '/document/namespace'],
    [document("dsl: '1.0.3', namespace: n, name: n, version: v1"), '/document/version'],
  ],
  WF111: [
    [tasks('a: { run: { container: { image: x } } }'), '/do/0/a/run/container'],
    [tasks('a: { run: { script: { language: js, code: "1" } } }'), '/do/0/a/run/script'],
    [tasks('a: { run: { shell: { command: ls } } }'), '/do/0/a/run/shell'],
    [tasks('a: { call: grpc, with: {} }'), '/do/0/a/call'],
    [tasks('a: { call: asyncapi, with: {} }'), '/do/0/a/call'],
    [
      tasks('a: { call: mcp, with: { method: tools/list, transport: { stdio: { command: ls } } } }'),
      '/do/0/a/with/transport/stdio',
    ],
  ],
  WF112: [
    [using('{ extensions: [] }', NAP), '/use/extensions'],
    [`evaluate: { language: js }\n${tasks(NAP)}`, '/evaluate/language'],
    [using('{ authentications: { a: { digest: { use: x } } } }', NAP), '/use/authentications/a/digest'],
    [tasks('a: { call: "log:1.0.0@catalog" }'), '/do/0/a/call'],
    [`input: { schema: { resource: { endpoint: "https://e.com" } } }\n${tasks(NAP)}`, '/input/schema/resource'],
  ],
  WF201: [
    [tasks('a: { wait: PT1S, then: nap }', 'naps: { wait: PT1S }'), '/do/0/a/then'],
    [tasks('a: { switch: [{ x: { when: .x, then: b } }, { y: { then: end } }] }'), '/do/0/a/switch/0/x/then'],
    [tasks(`a: { do: [{ b: { wait: PT1S, then: c } }] }`, 'c: { wait: PT1S }'), '/do/0/a/do/0/b/then'],
  ],
  WF203: [
    [tasks('a: { wait: PT1S, then: end }', 'b: { wait: PT1S }'), '/do/1/b'],
    [tasks('a: { wait: PT1S, then: c }', 'b: { wait: PT1S }', 'c: { wait: PT1S }'), '/do/1/b'],
    [
      tasks(
        'a: { raise: { error: { type: "https://e.com/x", status: 400 } } }',
        'b: { wait: PT1S }',
        'c: { wait: PT1S }',
      ),
      '/do/1/b',
    ],
    [tasks('o: { do: [{ a: { wait: PT1S, then: exit } }, { b: { wait: PT1S } }] }'), '/do/0/o/do/1/b'],
  ],
  WF204: [
    [tasks('a: { run: { workflow: { namespace: test, name: sample } } }'), '/do/0/a/run/workflow'],
    [tasks('a: { run: { workflow: { namespace: team, name: echo } } }'), '/do/0/a/run/workflow'],
    [tasks('a: { run: { workflow: { namespace: team, name: deep, version: latest } } }'), '/do/0/a/run/workflow'],
  ],
  WF205: [
    [tasks('a: { switch: [{ x: { when: .x, then: end } }] }'), '/do/0/a/switch'],
    [tasks('a: { switch: [{ x: { when: .x, then: end } }, { y: { when: .y, then: exit } }] }'), '/do/0/a/switch'],
    [tasks('o: { do: [{ a: { switch: [{ x: { when: .x, then: end } }] } }] }'), '/do/0/o/do/0/a/switch'],
  ],
  WF206: [
    [tasks('a: { wait: PT1S, then: a }'), '/do/0/a/then'],
    [tasks('a: { wait: PT1S }', 'b: { wait: PT1S, then: a }'), '/do/1/b/then'],
    [
      tasks('a: { wait: PT1S }', 'b: { switch: [{ x: { when: .x, then: a } }, { y: { then: b } }] }'),
      '/do/1/b/switch/0/x/then',
    ],
    [tasks('o: { do: [{ a: { wait: PT1S } }, { b: { wait: PT1S, then: a } }] }'), '/do/0/o/do/1/b/then'],
  ],
  WF207: [
    [
      tasks(
        'f: { fork: { branches: [{ a: { wait: PT1S, export: { as: . } } }, { b: { wait: PT1S, export: { as: . } } }] } }',
      ),
      '/do/0/f/fork/branches/1/b',
    ],
    [
      tasks(
        'f: { fork: { branches: [{ a: { do: [{ x: { wait: PT1S, export: { as: . } } }] } }, { b: { wait: PT1S, export: { as: . } } }] } }',
      ),
      '/do/0/f/fork/branches/1/b',
    ],
    [
      tasks(
        'o: { do: [{ f: { fork: { branches: [{ a: { wait: PT1S, export: { as: . } } }, { b: { wait: PT1S } }, { c: { wait: PT1S, export: { as: { x: 1 } } } }] } } }] }',
      ),
      '/do/0/o/do/0/f/fork/branches/2/c',
    ],
  ],
  WF209: [
    [tasks(`f: { fork: { compete: true, branches: [{ ${NAP} }] } }`), '/do/0/f/fork/branches'],
    [tasks(`o: { do: [{ f: { fork: { compete: true, branches: [{ ${NAP} }] } } }] }`), '/do/0/o/do/0/f/fork/branches'],
    [
      tasks(NAP, 'f: { fork: { compete: true, branches: [{ d: { do: [{ x: { wait: PT1S } }] } }] } }'),
      '/do/1/f/fork/branches',
    ],
  ],
  WF301: [
    [tasks('a: { set: { x: "${ $inputt.x }" } }'), '/do/0/a/set/x'],
    [tasks('a: { for: { in: .list }, do: [{ b: { set: { x: "${ $items }" } } }] }'), '/do/0/a/do/0/b/set/x'],
    [
      tasks('a: { try: [{ b: { wait: PT1S } }], catch: { as: err, when: "$error.status == 1" } }'),
      '/do/0/a/catch/when',
    ],
    [
      tasks('a: { for: { in: .l, each: x }, do: [{ b: { wait: PT1S } }] }', 'c: { set: { y: "${ $x }" } }'),
      '/do/1/c/set/y',
    ],
  ],
  WF302: [
    [tasks('a: { wait: PT1S, if: $input.x }'), '/do/0/a/if'],
    [tasks('a: { set: { x: "${ $output }" } }'), '/do/0/a/set/x'],
    [`input: { from: $context.x }\n${tasks(NAP)}`, '/input/from'],
    [`output: { as: $task.name }\n${tasks(NAP)}`, '/output/as'],
  ],
  WF303: [
    [tasks('s: { set: { name: x } }', 'a: { set: { y: "${ .nam }" } }'), '/do/1/a/set/y'],
    [
      tasks(call('github__get_issue', '{ owner: a, repo: b, number: 1 }'), 'a: { set: { y: "${ .titel }" } }'),
      '/do/1/a/set/y',
    ],
    [
      `input: { schema: { document: { type: object, properties: { id: { type: string } }, additionalProperties: false } } }\n${tasks('a: { set: { y: "${ .ID }" } }')}`,
      '/do/0/a/set/y',
    ],
  ],
  WF304: [
    [tasks('a: { wait: PT1S, timeout: short }'), '/do/0/a/timeout'],
    [tasks('a: { raise: { error: oops } }'), '/do/0/a/raise/error'],
    [tasks(trying(NAP, 'often')), '/do/0/t/catch/retry'],
    [
      tasks(
        'a: { call: http, with: { method: get, endpoint: { uri: "https://e.com", authentication: { use: me } } } }',
      ),
      '/do/0/a/with/endpoint/authentication/use',
    ],
    [`timeout: long\n${tasks(NAP)}`, '/timeout'],
  ],
  WF305: [
    [tasks('a: { set: { x: "${ .a + }" } }'), '/do/0/a/set/x'],
    [tasks('a: { wait: PT1S, if: ".a ==" }'), '/do/0/a/if'],
    [tasks('a: { switch: [{ x: { when: "(.a", then: end } }, { y: { then: end } }] }'), '/do/0/a/switch/0/x/when'],
    [tasks('a: { for: { in: "[.a" }, do: [{ b: { wait: PT1S } }] }'), '/do/0/a/for/in'],
  ],
  WF306: [
    [tasks('a: { set: { x: "${ env.HOME }" } }'), '/do/0/a/set/x'],
    [tasks('a: { wait: PT1S, output: { as: $ENV.HOME } }'), '/do/0/a/output/as'],
    [tasks('a: { wait: PT1S, input: { from: input } }'), '/do/0/a/input/from'],
  ],
  WF307: [
    [tasks('a: { set: { x: "${ .x | test(\\"(?=a)\\") }" } }'), '/do/0/a/set/x'],
    [tasks('a: { wait: PT1S, if: \'.x | test("(a")\' }'), '/do/0/a/if'],
    [tasks('a: { set: { x: \'${ .x | gsub("(a)\\\\1"; "b") }\' } }'), '/do/0/a/set/x'],
  ],
  WF308: [
    [tasks('a: { set: { x: "${ uppercase }" } }'), '/do/0/a/set/x'],
    [tasks('a: { wait: PT1S, output: { as: . | len } }'), '/do/0/a/output/as'],
    [tasks('a: { wait: PT1S, export: { as: { x: "${ join(1; 2) }" } } }'), '/do/0/a/export/as/x'],
  ],
  WF309: [
    [tasks('a: { set: { x: "Hello ${ .name }" } }'), '/do/0/a/set/x'],
    [tasks('a: { set: { x: ["${ .a } and ${ .b }"] } }'), '/do/0/a/set/x/0'],
    [tasks('a: { call: search__web, with: { query: "about ${ .x }" } }'), '/do/0/a/with/query'],
  ],
  WF310: [
    [tasks('a: { call: search__web, with: { query: "${ $secrets.token }" } }'), '/do/0/a/with/query'],
    [
      using('{ secrets: [missing] }', 'a: { call: search__web, with: { query: "${ $secrets.missing }" } }'),
      '/use/secrets/0',
    ],
    [
      tasks(
        'a: { call: http, with: { method: get, endpoint: { uri: "https://e.com", authentication: { bearer: { use: token } } } } }',
      ),
      '/do/0/a/with/endpoint/authentication/bearer/use',
    ],
  ],
  WF311: [
    [tasks('a: { call: lmm, with: { prompt: x } }'), '/do/0/a/call'],
    [using('{ functions: { greet: { set: { x: 1 } } } }', 'a: { call: great }', 'b: { call: greet }'), '/do/0/a/call'],
    [tasks('a: { do: [{ b: { call: fetch } }] }'), '/do/0/a/do/0/b/call'],
  ],
  WF312: [
    [using('{ secrets: [token] }', 'a: { set: { x: "${ $secrets.token }" } }'), '/do/0/a/set/x'],
    [using('{ secrets: [token] }', 'a: { wait: PT1S, output: { as: $secrets.token } }'), '/do/0/a/output/as'],
    [`output: { as: $secrets.token }\n${using('{ secrets: [token] }', NAP)}`, '/output/as'],
  ],
  WF313: [
    [using('{ retries: { r: { delay: PT1S } } }', NAP), '/use/retries/r'],
    [
      using('{ functions: { f: { set: { x: 1 } } }, timeouts: { t: { after: PT1S } } }', NAP),
      '/use/functions/f',
      '/use/timeouts/t',
    ],
    [using('{ secrets: [token] }', NAP), '/use/secrets/0'],
    [using('{ errors: { e: { type: "https://e.com/x", status: 400 } } }', NAP), '/use/errors/e'],
  ],
  WF314: [
    [tasks('s: { set: { n: 1 } }', 'a: { set: { y: "${ .n.x }" } }'), '/do/1/a/set/y'],
    [tasks('s: { set: { n: 1 } }', 'a: { set: { y: "${ .n + \\"x\\" }" } }'), '/do/1/a/set/y'],
    [tasks('s: { set: { n: text } }', 'a: { wait: PT1S, output: { as: ".n[]" } }'), '/do/1/a/output/as'],
  ],
  WF401: [
    [tasks('a: { call: gitlab__get_issue }'), '/do/0/a/call'],
    [tasks('a: { do: [{ b: { call: nobody__x } }] }'), '/do/0/a/do/0/b/call'],
    [tasks(trying('b: { call: wiki__search }')), '/do/0/t/try/0/b/call'],
  ],
  WF402: [
    [tasks('a: { call: github__get_isue }'), '/do/0/a/call'],
    [tasks('a: { for: { in: .x }, do: [{ b: { call: files__delete } }] }'), '/do/0/a/do/0/b/call'],
    [tasks('a: { fork: { branches: [{ b: { call: mail__sent } }] } }'), '/do/0/a/fork/branches/0/b/call'],
  ],
  WF403: [
    [tasks('a: { call: agent, with: { prompt: x, tools: [github__open_issue] } }'), '/do/0/a/with/tools/0'],
    [tasks('a: { call: agent, with: { prompt: x, tools: ["github__*", "jira__*"] } }'), '/do/0/a/with/tools/1'],
    [
      tasks('o: { do: [{ a: { call: agent, with: { prompt: x, tools: [search__wob] } } }] }'),
      '/do/0/o/do/0/a/with/tools/0',
    ],
  ],
  WF405: [
    [tasks('a: { call: offline__ping }'), '/do/0/a/call'],
    [tasks('a: { do: [{ b: { call: offline__ping, with: {} } }] }'), '/do/0/a/do/0/b/call'],
    [tasks(trying('b: { call: offline__ping }')), '/do/0/t/try/0/b/call'],
  ],
  WF406: [
    [tasks('a: { call: vault__open }'), '/do/0/a/call'],
    [tasks(NAP, 'a: { call: vault__open, with: {} }'), '/do/1/a/call'],
    [
      tasks('a: { listen: { to: { all: [] } }, foreach: { do: [{ b: { call: vault__open } }] } }'),
      '/do/0/a/foreach/do/0/b/call',
    ],
  ],
  WF407: [
    [tasks('a: { call: changed__tool }'), '/do/0/a/call'],
    [tasks(NAP, 'a: { call: changed__tool, with: {} }'), '/do/1/a/call'],
    [tasks('o: { do: [{ a: { call: changed__tool } }] }'), '/do/0/o/do/0/a/call'],
  ],
  WF408: [
    [tasks('a: { run: { workflow: { namespace: team, name: triag } } }'), '/do/0/a/run/workflow'],
    [tasks('a: { run: { workflow: { namespace: team, name: triage, version: 9.9.9 } } }'), '/do/0/a/run/workflow'],
    [
      tasks('o: { do: [{ a: { run: { workflow: { namespace: other, name: triage } } } }] }'),
      '/do/0/o/do/0/a/run/workflow',
    ],
  ],
  WF501: [
    [tasks('a: { call: search__web }'), '/do/0/a'],
    [tasks(call('github__get_issue', '{ owner: a, number: 1 }')), '/do/0/c/with'],
    [tasks(call('github__get_issue', '{ owner: a, repo: "${ .repo }" }')), '/do/0/c/with'],
    [tasks('a: { run: { workflow: { namespace: team, name: triage, input: { } } } }'), '/do/0/a/run/workflow/input'],
  ],
  WF502: [
    [tasks(call('github__get_issue', '{ owner: a, repo: b, number: 1, nubmer: 2 }')), '/do/0/c/with/nubmer'],
    [tasks(call('github__get_issue', '{ owner: "${ .o }", repo: b, number: 1, x: 2 }')), '/do/0/c/with/x'],
    [
      tasks(call('mail__send', '{ to: ["a@b.org"], subject: "${ .s }", options: { urgent: "${ .u }", soon: true } }')),
      '/do/0/c/with/options/soon',
    ],
    [
      tasks('a: { run: { workflow: { namespace: team, name: triage, input: { id: 1, x: 2 } } } }'),
      '/do/0/a/run/workflow/input/x',
    ],
  ],
  WF503: [
    [tasks(call('github__get_issue', '{ owner: a, repo: b, number: 0 }')), '/do/0/c/with/number'],
    [tasks(call('github__list_issues', '{ owner: a, repo: b, state: opened }')), '/do/0/c/with/state'],
    [tasks(call('mail__send', '{ to: [nobody], subject: "${ .s }" }')), '/do/0/c/with/to/0'],
    [tasks(call('mail__send', '{ to: [], subject: x }')), '/do/0/c/with/to'],
    [tasks(call('github__close_issue', '{ owner: "${ .o }", repo: b, number: 1, reason: no }')), '/do/0/c/with/reason'],
  ],
  WF504: [
    [
      tasks('s: { set: { x: 1 } }', 'a: { run: { workflow: { namespace: team, name: triage } } }'),
      '/do/1/a/run/workflow',
    ],
    [tasks(call('github__get_issue', '{ owner: a, repo: b, number: "${ \\"1\\" }" }')), '/do/0/c/with/number'],
    [
      tasks(
        'g: { call: github__get_issue, with: { owner: a, repo: b, number: 1 } }',
        call('github__close_issue', '{ owner: a, repo: b, number: "${ .title }" }'),
      ),
      '/do/1/c/with/number',
    ],
    [tasks(call('mail__send', '{ to: "${ [.a | tostring] | join(\\",\\") }", subject: x }')), '/do/0/c/with/to'],
    [
      `input: { schema: { document: { type: object, properties: { n: { type: string } }, required: [n] } } }\n${tasks(call('github__get_issue', '{ owner: a, repo: b, number: "${ .n }" }'))}`,
      '/do/0/c/with/number',
    ],
  ],
  WF505: [
    [
      tasks(
        'g: { call: github__get_issue, with: { owner: a, repo: b, number: 1 } }',
        call('search__web', '{ query: "${ .body }" }'),
      ),
      '/do/1/c/with/query',
    ],
    [tasks(call('github__get_issue', '{ owner: a, repo: b, number: "${ .x | tonumber }" }')), '/do/0/c/with/number'],
    [tasks(call('search__web', '{ query: "${ if .x then 1 else \\"a\\" end }" }')), '/do/0/c/with/query'],
  ],
  WF506: [
    [tasks('a: { wait: PT1S, if: \'"yes"\' }'), '/do/0/a/if'],
    [
      tasks('a: { switch: [{ x: { when: ".n | length", then: end } }, { y: { then: end } }] }'),
      '/do/0/a/switch/0/x/when',
    ],
    [tasks('a: { for: { in: .l }, while: "${ [.x] }", do: [{ b: { wait: PT1S } }] }'), '/do/0/a/while'],
  ],
  WF507: [
    [tasks('a: { for: { in: \'"abc"\' }, do: [{ b: { wait: PT1S } }] }'), '/do/0/a/for/in'],
    [tasks('s: { set: { n: 3 } }', 'a: { for: { in: .n }, do: [{ b: { wait: PT1S } }] }'), '/do/1/a/for/in'],
    [
      tasks('g: { call: files__read, with: { path: x } }', 'a: { for: { in: .content }, do: [{ b: { wait: PT1S } }] }'),
      '/do/1/a/for/in',
    ],
  ],
  WF508: [
    [
      tasks('a: { set: { n: 1 }, output: { schema: { document: { type: string } } } }'),
      '/do/0/a/output/schema/document',
    ],
    [
      tasks('s: { set: { n: 1 } }', 'a: { wait: PT1S, input: { schema: { document: { type: array } } } }'),
      '/do/1/a/input/schema/document',
    ],
    [
      `output: { as: ".n | tostring", schema: { document: { type: number } } }\n${tasks('a: { set: { n: 1 } }')}`,
      '/output/schema/document',
    ],
  ],
  WF510: [
    [`input: { schema: { document: { type: strin } } }\n${tasks(NAP)}`, '/input/schema/document/type'],
    [tasks('a: { call: llm, with: { prompt: x, schema: { required: name } } }'), '/do/0/a/with/schema/required'],
    [
      tasks('a: { wait: PT1S, output: { schema: { document: { properties: [] } } } }'),
      '/do/0/a/output/schema/document/properties',
    ],
    [
      tasks('a: { call: approve, with: { message: x, timeout: PT1H, schema: { minLength: -1 } } }'),
      '/do/0/a/with/schema/minLength',
    ],
  ],
  WF601: [
    [tasks(`a: { set: { key: ghp_${'a1B2'.repeat(9)} } }`), '/do/0/a/set/key'],
    [
      tasks(
        `a: { call: http, with: { method: get, endpoint: "https://e.com", headers: { Authorization: Bearer abcdef1234567890 } } }`,
      ),
      '/do/0/a/with/headers/Authorization',
    ],
    [
      using('{ authentications: { me: { basic: { username: u, password: hunter2 } } } }', NAP),
      '/use/authentications/me/basic/password',
    ],
    [
      tasks(
        'a: { call: http, with: { method: get, endpoint: { uri: "https://e.com", authentication: { bearer: { token: abc } } } } }',
      ),
      '/do/0/a/with/endpoint/authentication/bearer/token',
    ],
  ],
  WF602: [
    [tasks(trying('b: { call: github__close_issue, with: { owner: a, repo: b, number: 1 } }')), '/do/0/t/try/0/b/call'],
    [
      tasks(trying('o: { do: [{ b: { call: github__close_issue, with: { owner: a, repo: b, number: 1 } } }] }')),
      '/do/0/t/try/0/o/do/0/b/call',
    ],
    [tasks(trying('b: { call: mail__send, with: { to: ["a@b.org"], subject: x } }')), '/do/0/t/try/0/b/call'],
  ],
  WF603: [
    [tasks('a: { call: approve, with: { message: Sure? } }'), '/do/0/a'],
    [tasks('o: { do: [{ a: { call: approve, with: { message: Sure? } } }] }'), '/do/0/o/do/0/a'],
    [tasks(NAP, 'a: { call: approve, with: { message: Sure?, assignees: [me] } }'), '/do/1/a'],
  ],
  WF604: [
    [`timeout: { after: PT1M }\n${tasks('a: { wait: PT2M }')}`, '/do/0/a/wait'],
    [
      tasks('a: { timeout: { after: PT1M }, do: [{ b: { wait: PT1S, timeout: { after: PT5M } } }] }'),
      '/do/0/a/do/0/b/timeout/after',
    ],
    [
      `timeout: short\n${using('{ timeouts: { short: { after: PT1S }, long: { after: PT1H } } }', 'a: { wait: PT0S, timeout: long }')}`,
      '/do/0/a/timeout',
    ],
  ],
  WF605: [
    [
      tasks(
        's: { call: search__web, with: { query: x } }',
        call('mail__send', '{ to: ["a@b.org"], subject: "${ .title }" }'),
      ),
      '/do/1/c',
    ],
    [
      tasks(
        's: { call: github__get_issue, with: { owner: a, repo: b, number: 1 } }',
        call('github__close_issue', '{ owner: a, repo: b, number: "${ .number }" }'),
      ),
      '/do/1/c',
    ],
    [
      tasks(
        's: { call: http, with: { method: get, endpoint: "https://e.com" } }',
        `o: { do: [{ ${call('mail__send', '{ to: ["a@b.org"], subject: "${ .x }" }')} }] }`,
      ),
      '/do/1/o/do/0/c',
    ],
  ],
  WF606: [
    [tasks('a: { call: agent, with: { prompt: x, tools: ["*"] } }'), '/do/0/a/with/tools/0'],
    [tasks('a: { call: agent, with: { prompt: x, tools: [files__read, "**"] } }'), '/do/0/a/with/tools/1'],
    [tasks('o: { do: [{ a: { call: agent, with: { prompt: x, tools: ["*__*"] } } }] }'), '/do/0/o/do/0/a/with/tools/0'],
  ],
  WF607: [
    [tasks(trying(NAP, '{ delay: PT1S }')), '/do/0/t/catch/retry'],
    [using('{ retries: { r: { delay: PT1S } } }', trying(NAP, 'r')), '/do/0/t/catch/retry'],
    [tasks(trying(NAP, '{ limit: { attempt: { duration: PT1S } } }')), '/do/0/t/catch/retry'],
  ],
  WF608: [
    [
      tasks(
        'a: { call: github__close_issue, with: { owner: a, repo: b, number: 1 }, metadata: { onUncertain: retry } }',
      ),
      '/do/0/a/metadata/onUncertain',
    ],
    [
      tasks('a: { call: mail__send, with: { to: ["a@b.org"], subject: x }, metadata: { onUncertain: retry } }'),
      '/do/0/a/metadata/onUncertain',
    ],
    [
      tasks(
        'o: { do: [{ a: { call: mail__send, with: { to: ["a@b.org"], subject: x }, metadata: { onUncertain: retry, idempotency: unsafe } } }] }',
      ),
      '/do/0/o/do/0/a/metadata/onUncertain',
    ],
  ],
};

/** A tool whose definition is not what it was. */
const catalogue = {
  ...CATALOGUE,
  tool: (name: string) =>
    name === 'changed__tool' ? { inputSchema: { type: 'object' }, hash: 'new' } : CATALOGUE.tool(name),
};
const options = { publishedHashes: { changed__tool: 'old', files__read: 'read-1' } };

describe('diagnostics', () => {
  const cases = Object.entries(CASES).flatMap(([code, examples]) =>
    examples.map(([definition, ...pointers], index) => ({
      code: code as DiagnosticCode,
      number: index + 1,
      definition,
      pointers,
    })),
  );

  it.each(cases)('$code, example $number', ({ code, definition, pointers }) => {
    const found = validateWorkflow(definition, catalogue, options).diagnostics;
    expect(found.filter((diagnostic) => diagnostic.code === code).map(({ pointer }) => pointer)).toEqual(pointers);
    // Nothing else is wrong than what the example is about.
    const others = found.filter((diagnostic) => diagnostic.code !== code && diagnostic.severity === 'error');
    const mayComeAlong: Partial<Record<DiagnosticCode, DiagnosticCode[]>> = { WF105: [], WF401: [], WF402: [] };
    expect(others.map((diagnostic) => diagnostic.code)).toEqual(mayComeAlong[code] ?? []);
    for (const diagnostic of found) {
      expect(diagnostic.severity).toBe(DIAGNOSTICS[diagnostic.code].severity);
      expect(diagnostic.message).not.toBe('');
      expect(diagnostic.hint).not.toBe('');
    }
  });

  it.each(Object.keys(DIAGNOSTICS) as DiagnosticCode[])('%s has three examples at least', (code) => {
    expect(CASES[code].length).toBeGreaterThanOrEqual(3);
  });
});
