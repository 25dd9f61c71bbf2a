import type { CatalogueTool, CatalogueWorkflow, ValidationCatalogue } from '../catalogue';

const ISSUE = {
  type: 'object',
  required: ['number', 'title', 'labels'],
  properties: {
    number: { type: 'integer' },
    title: { type: 'string' },
    body: { type: 'string' },
    state: { enum: ['open', 'closed'] },
    labels: { type: 'array', items: { type: 'string' } },
  },
  additionalProperties: false,
};

const REPOSITORY = { owner: { type: 'string' }, repo: { type: 'string' } };

/** Tools of a few imaginary servers, with the annotations that servers really give. */
export const TOOLS: Record<string, CatalogueTool> = {
  github__get_issue: {
    inputSchema: {
      type: 'object',
      properties: { ...REPOSITORY, number: { type: 'integer', minimum: 1 } },
      required: ['owner', 'repo', 'number'],
      additionalProperties: false,
    },
    outputSchema: ISSUE,
    annotations: { readOnlyHint: true, openWorldHint: true },
    hash: 'get-1',
  },
  github__list_issues: {
    inputSchema: {
      type: 'object',
      properties: {
        ...REPOSITORY,
        state: { enum: ['open', 'closed', 'all'] },
        limit: { type: 'integer', minimum: 1, maximum: 100 },
      },
      required: ['owner', 'repo'],
      additionalProperties: false,
    },
    outputSchema: { type: 'object', properties: { issues: { type: 'array', items: ISSUE } }, required: ['issues'] },
    annotations: { readOnlyHint: true, openWorldHint: true },
    hash: 'list-1',
  },
  github__close_issue: {
    inputSchema: {
      type: 'object',
      properties: { ...REPOSITORY, number: { type: 'integer' }, reason: { type: 'string', minLength: 3 } },
      required: ['owner', 'repo', 'number'],
      additionalProperties: false,
    },
    annotations: { destructiveHint: true, openWorldHint: false },
    hash: 'close-1',
  },
  files__read: {
    inputSchema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    outputSchema: { type: 'object', properties: { content: { type: 'string' } }, required: ['content'] },
    annotations: { readOnlyHint: true, openWorldHint: false },
    hash: 'read-1',
  },
  files__write: {
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string' }, content: { type: 'string' }, mode: { type: ['integer', 'null'] } },
      required: ['path', 'content'],
    },
    annotations: { idempotentHint: true, openWorldHint: false },
    hash: 'write-1',
  },
  mail__send: {
    inputSchema: {
      type: 'object',
      properties: {
        to: { type: 'array', items: { $ref: '#/$defs/address' }, minItems: 1 },
        subject: { type: 'string' },
        options: { type: 'object', properties: { urgent: { type: 'boolean' } }, additionalProperties: false },
      },
      required: ['to', 'subject'],
      $defs: { address: { type: 'string', format: 'email' } },
    },
    annotations: { openWorldHint: false },
    hash: 'mail-1',
  },
  search__web: {
    inputSchema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
    annotations: { readOnlyHint: true, openWorldHint: true },
    hash: 'web-1',
  },
  offline__ping: {
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: true },
    hash: 'ping-1',
    isAvailable: false,
  },
  vault__open: { inputSchema: { type: 'object' }, annotations: { readOnlyHint: true }, hash: 'vault-1' },
};

const WORKFLOWS: Record<string, CatalogueWorkflow> = {
  'team/triage': {
    inputSchema: {
      type: 'object',
      properties: { id: { type: 'integer' } },
      required: ['id'],
      additionalProperties: false,
    },
    outputSchema: { type: 'object', properties: { kind: { type: 'string' } }, required: ['kind'] },
  },
  'team/echo': { runs: [{ namespace: 'test', name: 'sample' }] },
  'team/deep': { runs: [{ namespace: 'team', name: 'echo' }] },
};

/** The catalogue that the tests of validation use; `vault__open` is not allowed. */
export const CATALOGUE: ValidationCatalogue = {
  tool: (name) => TOOLS[name],
  toolNames: () => Object.keys(TOOLS),
  isAllowed: (name) => !name.startsWith('vault__'),
  workflow: (namespace, name, version) =>
    version === 'latest' || version === '1.0.0' ? WORKFLOWS[`${namespace}/${name}`] : undefined,
  workflowNames: () => Object.keys(WORKFLOWS),
  secrets: new Set(['token', 'password', 'unused']),
};
