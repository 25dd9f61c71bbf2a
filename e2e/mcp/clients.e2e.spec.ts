import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { eventually, startSystem, type System } from '../system';
import { stdioUpstream } from '../conformance/upstream';

const packageFile = (name: string, path: string) => join(dirname(require.resolve(`${name}/package.json`)), path);
const node = (name: string, path: string, ...args: string[]) => ({
  command: process.execPath,
  args: [packageFile(name, path), ...args],
});

type Content = { type: string; text?: string }[];

/** The part of both SDKs' clients that is used here. */
interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  listResources(): Promise<{ resources: { uri: string }[] }>;
  listPrompts(): Promise<{ prompts: { name: string }[] }>;
  readResource(params: { uri: string }): Promise<{ contents: { uri: string }[] }>;
  getPrompt(params: { name: string }): Promise<{ messages: unknown[] }>;
  callTool(params: {
    name: string;
    arguments?: Record<string, unknown>;
  }): Promise<{ content?: unknown; isError?: boolean; structuredContent?: unknown }>;
  close(): Promise<void>;
}

const INFO = { name: 'e2e', version: '1' };

const CLIENTS: [string, (url: URL) => Promise<AnyClient>][] = [
  [
    'a client of the first SDK',
    async (url) => {
      const client = new OldClient(INFO, { capabilities: {} });
      await client.connect(new OldTransport(url));
      return client as unknown as AnyClient;
    },
  ],
  [
    'a client of the second SDK that speaks 2026-07-28',
    async (url) => {
      const client = new NewClient(INFO, { capabilities: {}, versionNegotiation: { mode: { pin: '2026-07-28' } } });
      await client.connect(new NewTransport(url));
      return client as unknown as AnyClient;
    },
  ],
  [
    'a client of the second SDK that speaks the old era',
    async (url) => {
      const client = new NewClient(INFO, { capabilities: {}, versionNegotiation: { mode: 'legacy' } });
      await client.connect(new NewTransport(url));
      return client as unknown as AnyClient;
    },
  ],
];

describe('servers that no one here wrote, through the aggregate', () => {
  let system: System;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-clients-'));
    await writeFile(join(folder, 'hello.txt'), 'hello from a file');
    const mcp = '@modelcontextprotocol/server';
    const mcpServers = {
      everything: node(`${mcp}-everything`, 'dist/index.js'),
      filesystem: node(`${mcp}-filesystem`, 'dist/index.js', folder),
      memory: { ...node(`${mcp}-memory`, 'dist/index.js'), env: { MEMORY_FILE_PATH: join(folder, 'memory.json') } },
      thinking: node(`${mcp}-sequential-thinking`, 'dist/index.js'),
      playwright: node('@playwright/mcp', 'cli.js', '--headless'),
      new: stdioUpstream('new'),
    };
    system = await startSystem({ discovery: 0, monitor: 0, analyzer: 0, config: { mcpServers } });
    await Promise.all(Object.keys(mcpServers).map((slug) => system.untilReady(slug)));
  });
  afterAll(async () => {
    await system.stop();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(CLIENTS)('%s', (_, connect) => {
    let client: AnyClient;
    beforeAll(async () => {
      client = await connect(new URL('/mcp', system.url));
    });
    afterAll(() => client.close());

    it('lists the tools of all of them, with names that every model API takes', async () => {
      await eventually(async () => {
        const { tools } = await client.listTools();
        const servers = new Set(tools.map(({ name }) => name.split('__')[0]));
        expect(tools.every(({ name }) => /^[A-Za-z0-9_.-]{1,64}$/.test(name))).toBe(true);
        return ['everything', 'filesystem', 'memory', 'thinking', 'playwright', 'new', 'router'].every((slug) =>
          servers.has(slug),
        );
      });
      expect((await client.listPrompts()).prompts.map(({ name }) => name)).toContain('everything__simple-prompt');
    });

    it('calls them', async () => {
      const text = async (name: string, args: Record<string, unknown>) =>
        ((await client.callTool({ name, arguments: args })).content as Content)[0]?.text;
      expect(await text('everything__echo', { message: 'hi' })).toBe('Echo: hi');
      expect(await text('filesystem__read_text_file', { path: join(folder, 'hello.txt') })).toBe('hello from a file');
      const entities = [{ name: 'router', entityType: 'thing', observations: ['routes'] }];
      await client.callTool({ name: 'memory__create_entities', arguments: { entities } });
      const graph = await client.callTool({ name: 'memory__read_graph', arguments: {} });
      expect(graph.structuredContent).toMatchObject({ entities });
      const thought = { thought: 'so', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 };
      expect(await text('thinking__sequentialthinking', thought)).toContain('"thoughtNumber": 1');
      expect(await text('new__test_simple_text', {})).toContain('simple text');
    });

    it("gets a tool's own failure as a result", async () => {
      // There is no browser here.
      const result = await client.callTool({ name: 'playwright__browser_navigate', arguments: { url: 'about:blank' } });
      expect(result.isError).toBe(true);
    });

    it('is told that a tool nobody has is unknown', async () => {
      await expect(client.callTool({ name: 'everything__nothing', arguments: {} })).rejects.toMatchObject({
        code: -32602,
      });
    });

    it('reads resources by their own URIs and gets prompts', async () => {
      const { resources } = await client.listResources();
      const { uri } = resources.find((resource) => resource.uri.startsWith('demo://')) ?? { uri: '' };
      expect((await client.readResource({ uri })).contents[0]?.uri).toBe(uri);
      expect((await client.getPrompt({ name: 'everything__simple-prompt' })).messages).toHaveLength(1);
    });

    it('manages servers with the tools of the router itself', async () => {
      const { structuredContent } = await client.callTool({ name: 'router__list_servers', arguments: {} });
      const { items } = structuredContent as { items: { slug: string }[] };
      expect(items.map(({ slug }) => slug)).toContain('everything');
      const wrong = await client.callTool({ name: 'router__restart_server', arguments: { server: 'nobody' } });
      expect(wrong.isError).toBe(true);
    });
  });
});
