/**
 * An MCP server of the old era that costs next to nothing, so that what stands before it can be measured.
 *
 *   lean-upstream.mjs [--transport http|stdio] [--tools 1]
 *
 * Tools: `echo` (gives its `message` back), `big` (a text of `bytes` characters), and `tool_N` that do as `echo`.
 * Over HTTP it prints its URL as one JSON line when it is ready.
 */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { transport: { type: 'string', default: 'http' }, tools: { type: 'string', default: '1' } },
});

const description =
  'Takes a message and gives it back unchanged, so that the way there and back can be measured exactly.';
const inputSchema = {
  type: 'object',
  properties: { message: { type: 'string', description: 'Any text' }, count: { type: 'integer', minimum: 1 } },
  required: ['message'],
};
const names = ['echo', 'big', ...Array.from({ length: Math.max(0, Number(values.tools) - 2) }, (_, i) => `tool_${i}`)];
const LIST = JSON.stringify({ tools: names.map((name) => ({ name, description, inputSchema })) });
const INITIALIZED = JSON.stringify({
  protocolVersion: '2025-06-18',
  capabilities: { tools: {} },
  serverInfo: { name: 'lean', version: '1' },
});

/** The response to one message, or undefined for a notification. */
function answer(text) {
  const { id, method, params } = JSON.parse(text);
  if (id === undefined) return undefined;
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`;
  switch (method) {
    case 'tools/call': {
      const { message, bytes } = params.arguments;
      const said = bytes === undefined ? JSON.stringify(message) : `"${'x'.repeat(bytes)}"`;
      return `${head}"result":{"content":[{"type":"text","text":${said}}]}}`;
    }
    case 'tools/list':
      return `${head}"result":${LIST}}`;
    case 'initialize':
      return `${head}"result":${INITIALIZED}}`;
    case 'ping':
      return `${head}"result":{}}`;
    default:
      return `${head}"error":{"code":-32601,"message":"Unknown method"}}`;
  }
}

if (values.transport === 'stdio') {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const response = answer(line);
    if (response !== undefined) process.stdout.write(`${response}\n`);
  });
} else {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const text = answer(body);
      if (text === undefined) return response.writeHead(202, { 'content-length': 0 }).end();
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
        .end(text);
    });
    return undefined;
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/mcp` })}\n`);
  });
}
