import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { stdioUpstream } from '../conformance/upstream';
import { eventually, startSystem, type System } from '../system';

describe('the HTTP+SSE transport of 2024-11-05', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ gateways: 2, discovery: 0, monitor: 0, analyzer: 0 });
    await system.addServer({ slug: 'old', ...stdioUpstream('old') });
  });
  afterAll(() => system.stop());

  it('is off by default', async () => {
    const response = await fetch(`${system.url}/mcp`, { headers: { accept: 'text/event-stream' } });
    expect(response.status).toBe(400);
  });

  it('serves a genuine client when its flag is on, in both directions', async () => {
    const { status } = await system.api('PUT', '/api/v1/flags/LEGACY_SSE', { enabled: true });
    expect(status).toBeLessThan(300);
    await eventually(async () => {
      const abort = new AbortController();
      const response = await fetch(`${system.url}/mcp`, {
        headers: { accept: 'text/event-stream' },
        signal: abort.signal,
      });
      abort.abort();
      return response.status === 200;
    });
    const client = new Client({ name: 'sse', version: '1' }, { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({
      action: 'accept',
      content: { username: 'ada', email: 'ada@example.org' },
    }));
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport under test
    await client.connect(new SSEClientTransport(new URL('/mcp/old', system.url)));
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('test_elicitation');
    const progress: number[] = [];
    await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, undefined, {
      onprogress: (step) => progress.push(step.progress),
    });
    expect(progress.length).toBeGreaterThan(1);
    const answer = await client.callTool({ name: 'test_elicitation', arguments: { message: 'who?' } });
    expect(JSON.stringify(answer.content)).toContain('ada');
    await expect(client.callTool({ name: 'nothing', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });
});
