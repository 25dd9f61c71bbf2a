const HEAD = "document: { dsl: '1.0.3', namespace: test, name: sample, version: '1.0.0' }\n";
const tasks = (...items: string[]): string => `${HEAD}do:\n${items.map((item) => `  - ${item}\n`).join('')}`;
const use = (components: string, ...items: string[]): string => `use: ${components}\n${tasks(...items)}`;
const GET = 'get: { call: github__get_issue, with: { owner: a, repo: b, number: 1 } }';
const http = (rest: string): string => `a: { call: http, with: { method: get, endpoint: ${rest} } }`;
const listen = (to: string, rest = ''): string => tasks(`a: { listen: { to: ${to} }${rest} }`);
const EVENT = '{ with: { type: order.placed } }';
const retry = (policy: string): string =>
  tasks(`a: { try: [{ b: { call: search__web, with: { query: x } } }], catch: { retry: ${policy} } }`);

/** A hundred definitions that are right, spread over everything the DSL has; none may be called wrong. */
export const VALID_DEFINITIONS: readonly string[] = [
  // set, data flow
  tasks('a: { set: { x: 1 } }'),
  tasks('a: { set: "${ .whole }" }'),
  tasks('a: { set: { x: "${ .a.b[0] }", y: ["${ .c }", 2], z: { w: null } } }'),
  tasks('a: { input: { from: .user.id }, set: { id: "${ . }" } }'),
  tasks('a: { input: { from: { id: "${ .user.id }" } }, set: { id: "${ .id }" } }'),
  tasks('a: { set: { x: 1 }, output: { as: .x } }'),
  tasks('a: { set: { x: 1 }, output: { as: { y: "${ .x }" } } }'),
  tasks('a: { set: { x: 1 }, export: { as: "{ kept: .x }" } }', 'b: { set: { y: "${ $context.kept }" } }'),
  tasks('a: { set: { x: 1 }, export: { as: "$context + { x: $output.x }" } }'),
  tasks('a: { set: { n: 1 }, output: { schema: { document: { type: object, required: [n] } } } }'),
  tasks('a: { set: { n: 1 }, input: { schema: { format: json, document: { type: object } } } }'),
  `input: { schema: { document: { type: object } }, from: .order }\n${tasks('a: { set: { x: "${ .id }" } }')}`,
  `output: { as: "{ total: .n }", schema: { document: { type: object } } }\n${tasks('a: { set: { n: 1 } }')}`,
  `evaluate: { language: jq, mode: loose }\n${tasks('a: { set: { x: .y, z: hello there } }')}`,
  tasks('a: { set: { task: "${ $task.name }", run: "${ $workflow.id }", by: "${ $runtime.name }" } }'),
  // do, if, then
  tasks('a: { do: [{ b: { set: { x: 1 } } }, { c: { set: { y: "${ .x }" } } }] }'),
  tasks('a: { set: { x: 1 }, if: .go }', 'b: { set: { y: 2 } }'),
  tasks('a: { set: { x: 1 }, if: "${ .count > 3 and (.name | startswith(\\"x\\")) }" }'),
  tasks('a: { set: { x: 1 }, then: c }', 'b: { set: { y: 2 }, then: end }', 'c: { set: { z: 3 }, then: b }'),
  tasks('a: { set: { x: 1 }, then: continue }', 'b: { set: { y: 2 }, then: exit }'),
  tasks('a: { do: [{ b: { set: { x: 1 }, then: exit } }] }', 'c: { set: { y: 1 } }'),
  tasks('a: { do: [{ a: { do: [{ a: { set: { x: 1 } } }] } }] }'),
  // switch
  tasks(
    'a: { switch: [{ x: { when: .x == 1, then: b } }, { y: { then: c } }] }',
    'b: { set: { n: 1 }, then: end }',
    'c: { set: { n: 2 } }',
  ),
  tasks('a: { switch: [{ x: { when: .x, then: end } }], then: b }', 'b: { set: { n: 1 } }'),
  tasks(
    'a: { switch: [{ x: { when: "${ .list | any(. > 3) }", then: exit } }, { d: { then: continue } }] }',
    'b: { set: { n: 1 } }',
  ),
  tasks(
    'a: { set: { n: "${ (.n // 0) + 1 }" } }',
    'b: { switch: [{ more: { when: .n < 3, then: a } }, { done: { then: end } }] }',
  ),
  // for
  tasks('a: { for: { in: .list }, do: [{ b: { set: { x: "${ $item }", i: "${ $index }" } } }] }'),
  tasks(
    'a: { for: { each: colour, at: place, in: "${ .colours }" }, while: $place < 3, do: [{ b: { set: { x: "${ $colour }" } } }] }',
  ),
  tasks('a: { for: { in: "[range(3)]" }, do: [{ b: { set: { x: "${ $item * 2 }" } } }] }'),
  tasks(
    'a: { for: { in: .rows, each: row }, do: [{ b: { for: { in: $row.cells, each: cell }, do: [{ c: { set: { x: "${ [$row.id, $cell] }" } } }] } }] }',
  ),
  tasks(
    'l: { call: github__list_issues, with: { owner: a, repo: b } }',
    'a: { for: { in: .issues, each: issue }, do: [{ b: { call: github__get_issue, with: { owner: a, repo: b, number: "${ $issue.number }" } } }] }',
  ),
  // fork
  tasks(
    'a: { fork: { branches: [{ b: { set: { x: 1 } } }, { c: { set: { y: 2 } } }] } }',
    'd: { set: { z: "${ .[0].x + .[1].y }" } }',
  ),
  tasks('a: { fork: { compete: true, branches: [{ b: { wait: PT1S } }, { c: { wait: PT2S } }] } }'),
  tasks(
    'a: { fork: { compete: false, branches: [{ b: { do: [{ x: { set: { n: 1 } } }] }, }, { c: { set: { n: 2 } } }] } }',
  ),
  // try, raise
  tasks('a: { try: [{ b: { set: { x: 1 } } }], catch: {} }'),
  tasks('a: { try: [{ b: { set: { x: 1 } } }], catch: { do: [{ c: { set: { e: "${ $error.status }" } } }] } }'),
  tasks(
    'a: { try: [{ b: { set: { x: 1 } } }], catch: { as: err, when: $err.status >= 500, exceptWhen: $err.status == 501, do: [{ c: { set: { e: "${ $err }" } } }] } }',
  ),
  tasks(
    'a: { try: [{ b: { set: { x: 1 } } }], catch: { errors: { with: { type: "https://serverlessworkflow.io/spec/1.0.0/errors/timeout", status: 408 } } } }',
  ),
  retry('{ limit: { attempt: { count: 3 } } }'),
  retry(
    '{ delay: { seconds: 1 }, backoff: { exponential: {} }, limit: { duration: PT1M }, jitter: { from: PT0S, to: PT1S } }',
  ),
  retry(
    '{ delay: PT1S, backoff: { linear: {} }, when: $error.status == 503, limit: { attempt: { count: 2, duration: PT5S } } }',
  ),
  use(
    '{ retries: { often: { backoff: { constant: {} }, limit: { attempt: { count: 9 } } } } }',
    'a: { try: [{ b: { set: { x: 1 } } }], catch: { retry: often } }',
  ),
  tasks(
    'a: { raise: { error: { type: "https://example.com/errors/no", status: 400, title: No, detail: "${ .why }" } } }',
  ),
  use('{ errors: { no: { type: "https://example.com/errors/no", status: 400 } } }', 'a: { raise: { error: no } }'),
  tasks('a: { raise: { error: { type: "https://example.com/e", status: "${ .status }", instance: /do/0 } } }'),
  // wait, timeouts
  tasks('a: { wait: PT1S }'),
  tasks('a: { wait: { days: 1, hours: 2, minutes: 3, seconds: 4, milliseconds: 5 } }'),
  tasks('a: { wait: "${ .pause }" }'),
  tasks('a: { wait: P1DT2H, timeout: { after: P2D } }'),
  `timeout: { after: PT1H }\n${tasks('a: { wait: PT1M }')}`,
  `timeout: brief\n${use('{ timeouts: { brief: { after: { minutes: 5 } } } }', 'a: { wait: PT1S, timeout: brief }')}`,
  // events
  tasks('a: { emit: { event: { with: { source: "https://example.com", type: order.placed } } } }'),
  tasks(
    'a: { emit: { event: { with: { source: "${ .source }", type: t, subject: s, datacontenttype: application/json, data: { id: "${ .id }" } } } } }',
  ),
  listen(`{ one: ${EVENT} }`),
  listen(`{ all: [${EVENT}, ${EVENT}] }`),
  listen(`{ any: [${EVENT}], until: '.data.done' }`),
  listen(`{ any: [${EVENT}], until: { one: ${EVENT} } }`),
  listen(
    '{ one: { with: { type: t, data: "${ .total > 3 }" }, correlate: { id: { from: .data.id, expect: "${ $context.id }" } } } }',
  ),
  listen(
    `{ one: ${EVENT} }`,
    ', foreach: { item: event, at: n, do: [{ b: { set: { x: "${ $event }", n: "${ $n }" } } }] }',
  ),
  tasks(`a: { listen: { to: { one: ${EVENT} }, read: envelope } }`),
  // schedules
  `schedule: { every: { hours: 1 } }\n${tasks('a: { set: { x: 1 } }')}`,
  `schedule: { cron: '0 9 * * 1-5' }\n${tasks('a: { set: { x: 1 } }')}`,
  `schedule: { cron: 'CRON_TZ=America/New_York 30 6 1 * *' }\n${tasks('a: { set: { x: 1 } }')}`,
  `schedule: { after: PT10M }\n${tasks('a: { set: { x: 1 } }')}`,
  `schedule: { on: { one: ${EVENT} } }\n${tasks('a: { set: { x: 1 } }')}`,
  // http, openapi, a2a, mcp
  tasks(http('"https://example.com/{id}"')),
  tasks(http('"${ .url }"')),
  tasks(
    http(
      '{ uri: "https://example.com", authentication: { basic: { username: "${ .user }", password: "${ .password }" } } }',
    ),
  ),
  use(
    '{ authentications: { me: { bearer: { token: "${ $secrets.token }" } } }, secrets: [token] }',
    http('{ uri: "https://example.com", authentication: { use: me } }'),
  ),
  use('{ secrets: [password] }', http('{ uri: "https://example.com", authentication: { basic: { use: password } } }')),
  use(
    '{ secrets: [token], authentications: { o: { oauth2: { authority: "https://login.example.com", grant: client_credentials, client: { id: me, secret: "${ $secrets.token }" }, scopes: [read] } } } }',
    http('{ uri: "https://example.com", authentication: { use: o } }'),
  ),
  tasks(
    'a: { call: http, with: { method: post, endpoint: "https://example.com", headers: { X-Id: "${ .id }" }, query: { q: x }, body: { a: "${ .a }" }, output: response, redirect: true } }',
  ),
  tasks(
    'a: { call: openapi, with: { document: { endpoint: "https://example.com/api.json" }, operationId: find, parameters: { id: "${ .id }" }, output: content } }',
  ),
  tasks(
    'a: { call: a2a, with: { method: message/send, server: "https://agent.example.com", parameters: { message: { text: "${ .text }" } } } }',
  ),
  tasks(
    'a: { call: a2a, with: { method: tasks/get, agentCard: { endpoint: "https://agent.example.com/card.json" }, parameters: "${ .parameters }" } }',
  ),
  tasks(
    'a: { call: mcp, with: { method: tools/call, transport: { http: { endpoint: "https://mcp.example.com" } }, parameters: { name: x, arguments: { a: "${ .a }" } }, timeout: PT10S } }',
  ),
  // tools
  tasks(GET),
  tasks(GET, 'close: { call: github__close_issue, with: { owner: a, repo: b, number: "${ .number }", reason: done } }'),
  tasks('a: { call: github__get_issue, with: { owner: "${ .o }", repo: "${ .r }", number: "${ .n }" } }'),
  tasks(
    'a: { call: github__list_issues, with: { owner: a, repo: b, state: closed, limit: 100 }, output: { as: "[.issues[] | .title]" } }',
  ),
  tasks(
    'r: { call: files__read, with: { path: in.txt } }',
    'w: { call: files__write, with: { path: out.txt, content: "${ .content }" } }',
  ),
  tasks('w: { call: files__write, with: { path: x, content: y, mode: null, extra: allowed } }'),
  tasks('m: { call: mail__send, with: { to: [a@example.com], subject: Hi, options: { urgent: true } } }'),
  tasks('m: { call: mail__send, with: { to: "${ .people }", subject: "${ \\"Hi \\\\(.name)\\" }" } }'),
  tasks(
    'a: { try: [{ w: { call: files__write, with: { path: x, content: y } } }], catch: { retry: { limit: { attempt: { count: 2 } } } } }',
  ),
  tasks(
    'a: { try: [{ m: { call: mail__send, with: { to: [a@example.com], subject: x }, metadata: { idempotency: safe } } }], catch: { retry: { limit: { attempt: { count: 2 } } } } }',
  ),
  tasks(`${GET.slice(0, -1)}, metadata: { idempotency: unsafe, onUncertain: fail, sensitive: true, note: mine } }`),
  tasks('a: { call: search__web, with: { query: "${ $secrets.token | length | tostring }" } }').replace(
    'do:',
    'use: { secrets: [token] }\ndo:',
  ),
  // functions
  use('{ functions: { greet: { set: { text: "${ .name }" } } } }', 'a: { call: greet, with: { name: x } }'),
  use(
    '{ functions: { fetch: { call: http, with: { method: get, endpoint: "https://example.com/{id}" } } } }',
    'a: { call: fetch, with: { id: "${ .id }" } }',
  ),
  tasks('a: { call: llm, with: { prompt: "${ .question }" } }'),
  tasks(
    'a: { call: llm, with: { messages: [{ role: user, content: Hello }], model: default, temperature: 0, maxTokens: 100 } }',
  ),
  tasks(
    'a: { call: llm, with: { prompt: x, schema: { type: object, properties: { kind: { enum: [a, b] } }, required: [kind] } } }',
    'b: { switch: [{ a: { when: \'.kind == "a"\', then: end } }, { b: { then: exit } }] }',
  ),
  tasks('a: { call: agent, with: { prompt: x, tools: [github__get_issue, "files__*"], maxTurns: 5 } }'),
  tasks(
    'a: { call: approve, with: { message: Sure?, assignees: [alice], timeout: PT1H, onTimeout: reject, schema: { type: boolean } } }',
  ),
  tasks('a: { call: approve, with: { message: Sure? }, timeout: { after: P1D } }'),
  tasks('a: { call: prompt, with: { name: github__summary, arguments: { id: "${ .id }" } } }'),
  tasks('a: { call: resource, with: { uri: "file:///notes.txt", server: files } }'),
  // sub-workflows
  tasks(
    'a: { run: { workflow: { namespace: team, name: triage, version: 1.0.0, input: { id: 1 } } } }',
    'b: { set: { kind: "${ .kind }" } }',
  ),
  tasks('a: { run: { workflow: { namespace: team, name: triage, input: { id: "${ .id }" } }, await: false } }'),
  // documents
  `document: { dsl: 1.0.0, namespace: a-b, name: A1, version: 1.2.3-rc.1+build.5, title: T, summary: S, tags: { x: y }, metadata: { z: 1 } }\ndo: [{ a: { set: { x: 1 } } }]`,
  JSON.stringify({
    document: { dsl: '1.0.3', namespace: 'n', name: 'n', version: '1.0.0' },
    do: [{ a: { set: { x: 1 } } }],
  }),
  tasks('"a task with spaces/and~signs": { set: { x: 1 } }'),
];
