import { dirname, join } from 'node:path';
import { eventually, startSystem, type System } from '../system';
import { RawSession } from './raw-client';

const everything = join(
  dirname(require.resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
);

interface Task {
  taskId: string;
  status: string;
}

describe('tasks of the old era', () => {
  let system: System;
  beforeAll(async () => {
    const config = { mcpServers: { everything: { command: process.execPath, args: [everything] } } };
    system = await startSystem({ gateways: 2, discovery: 0, monitor: 0, analyzer: 0, config });
    await system.untilReady('everything');
  });
  afterAll(() => system.stop());

  it.each([
    ['/mcp/everything', 'simulate-research-query'],
    ['/mcp', 'everything__simulate-research-query'],
  ])('pass through %s: made, asked for, fetched', async (path, name) => {
    const session = await RawSession.open(system.url + path, '2025-11-25', { tasks: {} });
    const args = { topic: 'routers', ambiguous: false };
    const made = await session.request('tools/call', { name, arguments: args, task: { ttl: 60_000 } });
    const { taskId } = made.result?.['task'] as Task;
    let status = '';
    await eventually(async () => {
      status = String((await session.request('tasks/get', { taskId })).result?.['status']);
      return status !== 'working';
    }, 20_000);
    expect(status).toBe('completed');
    const result = await session.request('tasks/result', { taskId });
    expect(JSON.stringify(result.result?.['content'])).toContain('routers');
  });

  it("are nobody else's", async () => {
    const session = await RawSession.open(`${system.url}/mcp`, '2025-11-25');
    expect((await session.request('tasks/get', { taskId: 'guessed' })).error?.code).toBe(-32602);
    expect((await session.request('tasks/list')).error?.code).toBe(-32601);
  });
});
