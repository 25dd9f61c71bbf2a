export type Severity = 'error' | 'warning' | 'info';

interface DiagnosticKind {
  severity: Severity;
  /** What is wrong, in general; a diagnostic's message says what exactly. */
  title: string;
  /** What to do about it, when nothing better is known. */
  hint: string;
}

/** Every diagnostic of a workflow. Errors keep it from being published and from running; warnings and infos do not. */
export const DIAGNOSTICS = {
  WF100: {
    severity: 'error',
    title: 'The text is neither YAML nor JSON',
    hint: 'Line and column say where reading ended',
  },
  WF101: {
    severity: 'error',
    title: 'A property is missing, unknown or of another type',
    hint: 'See the reference of the DSL for this task',
  },
  WF102: { severity: 'error', title: 'The version of the DSL is not supported', hint: "Write dsl: '1.0.3'" },
  WF103: { severity: 'error', title: 'Two tasks of one list have the same name', hint: 'Rename one of them' },
  WF104: {
    severity: 'warning',
    title: 'A task is named like a flow directive',
    hint: 'Rename it: `then` could not reach it',
  },
  WF105: {
    severity: 'warning',
    title: 'A list of tasks or cases is empty',
    hint: 'Put something in it, or leave it out',
  },
  WF106: {
    severity: 'error',
    title: 'The definition is over a limit',
    hint: 'Move a part into a workflow of its own and `run` it',
  },
  WF107: { severity: 'error', title: 'A duration cannot be read', hint: 'Write PT30S or { seconds: 30 }' },
  WF108: {
    severity: 'error',
    title: 'A cron expression or its time zone cannot be read',
    hint: 'Five fields, a time zone before them: CRON_TZ=Europe/Berlin 0 9 * * *',
  },
  WF109: {
    severity: 'error',
    title: 'An item is not exactly one named task or case',
    hint: 'Start each with its own dash',
  },
  WF110: {
    severity: 'error',
    title: 'Namespace, name or version is not valid',
    hint: 'Names of letters, digits and dashes; a version such as 1.0.0',
  },
  WF111: {
    severity: 'error',
    title: 'The router refuses this kind of task',
    hint: 'Offer it as a tool of an MCP server and call that',
  },
  WF112: { severity: 'error', title: 'A part of the DSL is not supported', hint: 'The message says what is' },
  WF201: {
    severity: 'error',
    title: '`then` names no task of this list',
    hint: 'It may name a task of the same list, or be continue, exit or end',
  },
  WF203: { severity: 'warning', title: 'A task is never reached', hint: 'Remove it, or lead a `then` to it' },
  WF204: {
    severity: 'warning',
    title: 'A workflow runs itself',
    hint: 'Make sure that a condition ends it; runs inside one another are limited',
  },
  WF205: {
    severity: 'info',
    title: 'A switch has no default case',
    hint: 'Without a match the flow goes on with the `then` of the switch',
  },
  WF206: { severity: 'error', title: 'A loop never ends', hint: 'Leave it by a `switch`, or set a `timeout`' },
  WF207: {
    severity: 'warning',
    title: 'Branches of a fork export to the same context',
    hint: 'Of what both set the later branch wins; export after the fork',
  },
  WF209: { severity: 'info', title: 'A competition of one', hint: 'With one branch `compete` changes nothing' },
  WF301: {
    severity: 'error',
    title: 'A variable does not exist',
    hint: 'Variables come from the runtime, from `for`, `listen` and `catch`',
  },
  WF302: {
    severity: 'warning',
    title: 'A variable is not given at this place',
    hint: 'The DSL says which arguments each expression has',
  },
  WF303: { severity: 'warning', title: 'A property is read that the value never has', hint: 'It reads as null' },
  WF304: { severity: 'error', title: 'Nothing in `use` has this name', hint: 'Define it under `use`' },
  WF305: { severity: 'error', title: 'An expression cannot be read', hint: 'Expressions are jq' },
  WF306: {
    severity: 'error',
    title: 'A function of jq is not available',
    hint: 'A workflow has no input stream, no environment and no clock of its own',
  },
  WF307: {
    severity: 'error',
    title: 'A regular expression cannot be used',
    hint: 'Regular expressions are RE2: no look-around, no back-references',
  },
  WF308: { severity: 'error', title: 'jq has no such function', hint: 'See docs/jq.md' },
  WF309: {
    severity: 'warning',
    title: 'An expression inside a longer text is not evaluated',
    hint: 'Write ${ "…\\(.name)…" }',
  },
  WF310: { severity: 'error', title: 'A secret is not known', hint: 'Name it in `use.secrets` and store it' },
  WF311: {
    severity: 'error',
    title: 'A function is not known',
    hint: 'A tool is called by `server__tool`; functions are defined under `use.functions`',
  },
  WF312: {
    severity: 'warning',
    title: 'A secret goes where it is kept',
    hint: 'Use $secrets in `input.from`, in arguments of a call, or in authentication',
  },
  WF313: { severity: 'info', title: 'A component is never used', hint: 'Remove it from `use`' },
  WF314: {
    severity: 'warning',
    title: 'An expression fails whatever the data',
    hint: 'The types say that this cannot work',
  },
  WF401: {
    severity: 'error',
    title: 'No server has this name',
    hint: 'Register the server, or correct the name before `__`',
  },
  WF402: { severity: 'error', title: 'The server has no such tool', hint: 'Correct the name after `__`' },
  WF403: {
    severity: 'warning',
    title: 'An agent is given tools that do not exist',
    hint: 'Each entry is the name of a tool or a pattern such as github__*',
  },
  WF405: {
    severity: 'warning',
    title: 'The tool’s server is not available now',
    hint: 'A run would wait or fail until it is',
  },
  WF406: { severity: 'error', title: 'The tool is not allowed for the caller', hint: 'Ask for access to it' },
  WF407: {
    severity: 'warning',
    title: 'The tool changed since this version was published',
    hint: 'Read what changed and publish again',
  },
  WF408: { severity: 'error', title: 'No workflow has this name or version', hint: 'Publish it first' },
  WF501: { severity: 'error', title: 'A required argument is missing', hint: 'Give it under `with`' },
  WF502: { severity: 'error', title: 'An argument is not known', hint: 'Remove it or correct its name' },
  WF503: {
    severity: 'error',
    title: 'An argument does not match its schema',
    hint: 'The message says what the schema wants',
  },
  WF504: {
    severity: 'error',
    title: 'An argument can never match its schema',
    hint: 'The expression yields another type',
  },
  WF505: {
    severity: 'warning',
    title: 'An argument may not match its schema',
    hint: 'Make sure of the type, for instance with `// "default"`',
  },
  WF506: {
    severity: 'warning',
    title: 'A condition is never true or false',
    hint: 'Compare something: null and false are false, all else is true',
  },
  WF507: { severity: 'error', title: 'A loop iterates over what is never a list', hint: '`in` must yield a list' },
  WF508: { severity: 'error', title: 'Data can never match its schema', hint: 'Correct the schema or the expression' },
  WF510: { severity: 'error', title: 'A JSON Schema is not valid', hint: 'Schemas are JSON Schema 2020-12' },
  WF601: {
    severity: 'warning',
    title: 'A secret is written into the definition',
    hint: 'Store it and use $secrets, or `use` in authentication',
  },
  WF602: {
    severity: 'warning',
    title: 'A tool that may destroy is retried',
    hint: 'If repeating it is harmless say so: metadata: { idempotency: safe }',
  },
  WF603: {
    severity: 'warning',
    title: 'An approval waits without a limit',
    hint: 'Give it a `timeout` and `onTimeout`',
  },
  WF604: {
    severity: 'warning',
    title: 'A part may take longer than the whole',
    hint: 'The outer timeout ends it first',
  },
  WF605: {
    severity: 'info',
    title: 'Data from outside reaches a tool that may destroy',
    hint: 'Put an `approve` between them',
  },
  WF606: { severity: 'warning', title: 'An agent may call every tool', hint: 'List the tools it needs' },
  WF607: { severity: 'warning', title: 'A retry has no limit', hint: 'Set limit.attempt.count or limit.duration' },
  WF608: {
    severity: 'warning',
    title: 'A tool that may destroy is repeated after a crash',
    hint: 'Leave `onUncertain: ask`, or say metadata: { idempotency: safe }',
  },
} as const satisfies Record<string, DiagnosticKind>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

/** One finding about a definition. */
export interface Diagnostic {
  code: DiagnosticCode;
  severity: Severity;
  message: string;
  /** Where, as a JSON Pointer (RFC 6901) into the definition. */
  pointer: string;
  hint: string;
  /** Other places that have to do with it. */
  related: { pointer: string; message: string }[];
  /** For definitions that came as text, counted from 1. */
  line?: number;
  column?: number;
}
