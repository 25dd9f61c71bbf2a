/**
 * The "client" that the suite's client scenarios start: it makes the suite's mock server an upstream of a running
 * router and uses everything it offers through the router, so that what is judged is how the router speaks upstream.
 *
 *   SYSTEM_URL=… SYSTEM_KEY=… client-driver.mjs <url of the mock server>
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { SYSTEM_URL, SYSTEM_KEY, MCP_CONFORMANCE_PROTOCOL_VERSION, MCP_CONFORMANCE_CONTEXT = '{}' } = process.env;
const mockUrl = process.argv.at(-1);
const isModern = MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28';
const authorization = `Bearer ${SYSTEM_KEY}`;

async function api(method, path, body) {
  const response = await fetch(`${SYSTEM_URL}/api/v1${path}`, {
    method,
    headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Registers the mock server and waits until the router knows what it offers; one that offers nothing is given a second. */
async function register(slug) {
  await api('POST', '/servers', { slug, type: 'http', url: mockUrl });
  const until = Date.now() + 15_000;
  let readySince = Infinity;
  let server;
  do {
    server = await api('GET', `/servers/${slug}`);
    if (server.state === 'ready') readySince = Math.min(readySince, Date.now());
    if (server.counts.tools > 0 || Date.now() - readySince > 1_000) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (Date.now() < until);
  throw new Error(`The router could not use the mock server: ${server.state}, ${server.lastError}`);
}

async function connect(slug) {
  const client = new Client(
    { name: 'conformance-driver', version: '1.0.0' },
    {
      capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} },
      versionNegotiation: { mode: isModern ? { pin: '2026-07-28' } : 'legacy' },
    },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => ({
    action: 'accept',
    content: Object.keys(params.requestedSchema.properties).includes('confirmed') ? { confirmed: true } : {},
  }));
  const url = new URL(`${SYSTEM_URL}/mcp/${slug}`);
  await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization } } }));
  return client;
}

/** Arguments for a tool: what the scenario says, else something of the right type for each argument that is required. */
function calls(tools) {
  const given = JSON.parse(MCP_CONFORMANCE_CONTEXT).toolCalls;
  if (given) return given;
  const focal = tools.find(({ name }) => name === 'json_schema_2020_12_tool');
  const samples = { number: 2, integer: 2, boolean: true, string: 'text', array: [], object: focal?.inputSchema ?? {} };
  return tools
    .filter(({ name }) => name !== focal?.name)
    .map(({ name, inputSchema }) => {
      const required = Object.entries(inputSchema.properties ?? {}).filter(([key]) =>
        inputSchema.required?.includes(key),
      );
      return { name, arguments: Object.fromEntries(required.map(([key, { type }]) => [key, samples[type]])) };
    });
}

/** Some mocks answer with an error, or wrongly, on purpose; the suite judges what it was sent, not what came of it. */
const attempt = (what, call) => call.catch((error) => console.error(`${what}: ${error.message}`));

async function useEverything(client) {
  const offers = client.getServerCapabilities() ?? {};
  if (offers.tools) {
    const { tools } = await client.listTools();
    for (const call of calls(tools)) await attempt(call.name, client.callTool(call));
  }
  if (offers.resources) {
    const { resources } = await client.listResources();
    for (const { uri } of resources) await attempt(uri, client.readResource({ uri }));
  }
  if (offers.prompts) {
    const { prompts } = await client.listPrompts();
    for (const { name } of prompts) await attempt(name, client.getPrompt({ name, arguments: {} }));
  }
}

const slug = `mock-${new URL(mockUrl).port}`;
await register(slug);
try {
  const client = await connect(slug);
  await useEverything(client);
  await client.close();
} finally {
  await api('DELETE', `/servers/${slug}`);
}
