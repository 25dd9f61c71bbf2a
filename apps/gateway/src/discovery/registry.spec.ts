import type { Bus } from '@mcp-router/platform';
import { SYSTEM_PRINCIPAL, type Server } from '@mcp-router/shared';
import type { FastifyRequest } from 'fastify';
import { RegistryController } from './registry.controller';
import { serverCard } from './server-json';
import { VisibleServers } from './visible-servers';

const server = (slug: string, fields: Partial<Server> = {}) =>
  ({
    slug,
    source: 'file',
    enabled: true,
    description: 'd'.repeat(300),
    serverInfo: { name: slug, version: '1.2.3' },
    state: 'ready',
    counts: { tools: 1, resources: 0, resourceTemplates: 0, prompts: 0 },
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-02-01T00:00:00.000Z',
    ...fields,
  }) as Server;

const servers = [
  server('files'),
  server('mail', { updatedAt: '2026-03-01T00:00:00.000Z' }),
  server('off', { enabled: false }),
  server('router', { source: 'builtin' }),
  server('shell'),
];
const tools = ['files__read', 'mail__send', 'shell__run'].map((name) => ({ name, server: name.split('__')[0] }));
const answers: Record<string, unknown> = {
  'router.listServers': { items: servers, nextCursor: null },
  'router.listTools': { items: tools, nextCursor: null },
};
const bus = { call: async ({ pattern }: { pattern: string }) => answers[pattern] } as unknown as Bus;
const registry = new RegistryController(new VisibleServers(bus));
const request = { headers: { host: 'router.test:4000' }, protocol: 'http' } as unknown as FastifyRequest;
const member = { ...SYSTEM_PRINCIPAL, role: 'member' as const, policy: { allow: ['*'], deny: ['shell__*'] } };
const names = ({ servers: found }: Awaited<ReturnType<typeof registry.list>>) => found.map((one) => one.server.name);

it('lists enabled servers as remotes of this router, in the shape of the registry API', async () => {
  const { servers: found, metadata } = await registry.list({ limit: 30 }, SYSTEM_PRINCIPAL, request);
  expect(metadata).toEqual({ count: 3 });
  expect(found[0]).toMatchObject({
    server: { name: 'mcp-router/files', version: '1.2.3', remotes: [{ url: 'http://router.test:4000/mcp/files' }] },
    _meta: { 'io.modelcontextprotocol.registry/official': { status: 'active', isLatest: true } },
  });
  expect((found[0]?.server['description'] as string).length).toBe(100);
});

it('shows a caller only servers that it may use a tool of', async () => {
  expect(names(await registry.list({ limit: 30 }, member, request))).toEqual(['mcp-router/files', 'mcp-router/mail']);
  await expect(registry.versions('mcp-router/shell', member, request)).rejects.toMatchObject({
    code: 'server_not_found',
    data: { error: 'Server not found' },
  });
});

it('pages, searches and tells what changed since', async () => {
  const first = await registry.list({ limit: 2 }, SYSTEM_PRINCIPAL, request);
  const cursor = first.metadata.nextCursor ?? '';
  const second = await registry.list({ limit: 2, cursor }, SYSTEM_PRINCIPAL, request);
  expect([...names(first), ...names(second)]).toEqual(['mcp-router/files', 'mcp-router/mail', 'mcp-router/shell']);
  expect(second.metadata.nextCursor).toBeUndefined();
  expect(names(await registry.list({ limit: 30, search: 'MAI' }, SYSTEM_PRINCIPAL, request))).toEqual([
    'mcp-router/mail',
  ]);
  const since = { limit: 30, updated_since: '2026-02-15T00:00:00Z' };
  expect(names(await registry.list(since, SYSTEM_PRINCIPAL, request))).toEqual(['mcp-router/mail']);
});

it('has one version of each server, under its number and as the latest', async () => {
  for (const version of ['latest', '1.2.3'])
    expect((await registry.version('mcp-router/mail', version, SYSTEM_PRINCIPAL, request)).server.version).toBe(
      '1.2.3',
    );
  await expect(registry.version('mcp-router/mail', '9', SYSTEM_PRINCIPAL, request)).rejects.toMatchObject({
    code: 'server_not_found',
  });
});

it('makes a card of each endpoint and of the aggregate', () => {
  expect(serverCard('http://h', '0.1.0').remotes[0]).toMatchObject({ url: 'http://h/mcp', type: 'streamable-http' });
  expect(serverCard('http://h', '0.1.0', server('a'))).toMatchObject({
    name: 'mcp-router/a',
    version: '1.2.3',
    remotes: [{ url: 'http://h/mcp/a' }],
  });
});
