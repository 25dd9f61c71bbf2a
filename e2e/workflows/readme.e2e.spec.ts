import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startSystem, type System } from '../system';

interface Run {
  id: string;
  state: string;
}

const ROOT = join(__dirname, '../..');
const [, DEFINITION = ''] =
  /```yaml\n(document: \{ dsl.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
const FILESYSTEM = join(ROOT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mcp-router-readme-')));

describe('the workflow of the README', () => {
  let system: System;
  beforeAll(async () => {
    writeFileSync(join(folder, 'notes.txt'), 'Bees find their way home by the sun.');
    system = await startSystem({
      discovery: 0,
      monitor: 0,
      analyzer: 0,
      config: { mcpServers: { filesystem: { command: process.execPath, args: [FILESYSTEM, folder] } } },
      env: { WORKFLOW_LEASE_MS: '1000', WORKFLOW_SWEEP_MS: '200', LLM_MODEL: 'fake' },
    });
    await system.untilReady('filesystem');
  });
  afterAll(async () => {
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const workflow = '/api/v1/workflows/demo/summarise';
  const until = async (id: string, state: string) => {
    let run: Run | undefined;
    await eventually(
      async () => (run = (await system.api<Run>('GET', `/api/v1/runs/${id}`)).body).state === state,
      60_000,
      () => JSON.stringify(run),
    );
  };
  const approvalOf = async (id: string) => {
    const { body } = await system.api<{ items: { id: string; run: string }[] }>('GET', '/api/v1/approvals');
    return body.items.find(({ run }) => run === id)?.id as string;
  };
  /** A tool of the built-in server, as an agent calls it. */
  const callOverMcp = async (name: string, args: object) => {
    const protocol = '2026-07-28';
    const response = await fetch(`${system.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${system.key}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': protocol,
        'mcp-method': 'tools/call',
        'mcp-name': name,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: {
          name,
          arguments: args,
          _meta: {
            'io.modelcontextprotocol/protocolVersion': protocol,
            'io.modelcontextprotocol/clientInfo': { name: 'readme', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      }),
    });
    return response.text();
  };

  it('is told of one mistake, where it is and what was meant', async () => {
    const { body } = await system.api<{
      valid: boolean;
      diagnostics: { code: string; pointer: string; hint: string }[];
    }>('POST', '/api/v1/workflows/validate', {
      definition: DEFINITION.replace("content: '${ $context", "contents: '${ $context"),
    });
    expect(body.valid).toBe(false);
    expect(body.diagnostics).toContainEqual(
      expect.objectContaining({ code: 'WF501', pointer: '/do/3/write/with', hint: expect.stringContaining('content') }),
    );
    const correct = await system.api('POST', '/api/v1/workflows/validate', { definition: DEFINITION });
    expect(correct).toMatchObject({ status: 200, body: { valid: true } });
    expect(await system.api('POST', '/api/v1/workflows', { definition: DEFINITION })).toMatchObject({ status: 201 });
    expect(await system.api('POST', `${workflow}/versions/1.0.0/publish`)).toMatchObject({ status: 200 });
  });

  it.each(['REST', 'MCP'])('finishes after kill -9 in its middle, approved over %s', async (way) => {
    const to = join(folder, `summary-${way}.txt`);
    const { body: run } = await system.api<Run>('POST', `${workflow}/runs`, {
      input: { from: join(folder, 'notes.txt'), to },
    });
    await until(run.id, 'waiting');
    await system.routers[0]?.restart('SIGKILL');
    await system.untilReady('filesystem');
    const approval = await approvalOf(run.id);
    if (way === 'REST')
      expect(await system.api('POST', `/api/v1/approvals/${approval}`, { approve: true })).toMatchObject({
        status: 200,
      });
    else expect(await callOverMcp('router__decide_approval', { approval, approve: true })).toContain('approved');
    await until(run.id, 'completed');
    expect(readFileSync(to, 'utf8')).toContain('Bees find their way home by the sun.');
  });
});
