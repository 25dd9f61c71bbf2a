/**
 * The "client" that the suite's client scenarios start: it makes the suite's mock server an upstream of a running
 * router and uses everything it offers through the router, so that what is judged is how the router speaks upstream.
 *
 *   SYSTEM_URL=… SYSTEM_KEY=… client-driver.mjs <url of the mock server>
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { SYSTEM_URL, SYSTEM_KEY, MCP_CONFORMANCE_PROTOCOL_VERSION, MCP_CONFORMANCE_CONTEXT = '{}' } = process.env;
/** The address that the suite takes for a client metadata document; it does not read it. */
const CLIENT_METADATA_URL = 'https://conformance-test.local/client-metadata.json';
const PATIENCE_MS = 60_000;
/** How long a server that is ready may take to say what it offers before it is taken to offer nothing. */
const SILENCE_MS = 3_000;
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const isOAuth = scenario.startsWith('auth/');
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

/** How the scenarios of OAuth want the router to sign in; a client that the scenario registered is given to it. */
function oauth() {
  const given = JSON.parse(MCP_CONFORMANCE_CONTEXT);
  return {
    ...(scenario.startsWith('auth/client-credentials') && { grant: 'client_credentials' }),
    ...(given.client_id && { clientId: given.client_id }),
    ...(given.client_secret && { clientSecret: given.client_secret }),
    ...(given.private_key_pem && { privateKey: given.private_key_pem, algorithm: given.signing_algorithm }),
    ...(scenario === 'auth/basic-cimd' && { clientMetadataUrl: CLIENT_METADATA_URL }),
  };
}

/** Registers the mock server and waits until the router knows what it offers; one that offers nothing is given a while. */
async function register(slug) {
  const definition = { slug, type: 'http', url: mockUrl, ...(isOAuth && { oauth: oauth() }) };
  await api('POST', '/servers', definition);
  await ready(slug);
}

async function ready(slug) {
  const until = Date.now() + PATIENCE_MS;
  let readySince = Infinity;
  let server;
  do {
    server = await api('GET', `/servers/${slug}`);
    if (server.authorization?.state === 'needed') await signIn(slug);
    else if (server.authorization?.state === 'refused') throw new Error(server.authorization.detail);
    if (server.state === 'ready') readySince = Math.min(readySince, Date.now());
    if (server.counts.tools > 0 || (!isOAuth && Date.now() - readySince > SILENCE_MS)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (Date.now() < until);
  throw new Error(`The router could not use the mock server: ${server.state}, ${server.lastError}`);
}

/** Is the person and the browser: the mock authorization server agrees at once and sends back to the router. */
async function signIn(slug) {
  const { authorizationUrl } = await api('POST', `/servers/${slug}/authorization`);
  const consent = await fetch(authorizationUrl, { redirect: 'manual' });
  const back = await fetch(new URL(consent.headers.get('location'), authorizationUrl));
  if (!back.ok) throw new Error(`The sign-in failed: ${back.status} ${await back.text()}`);
}

/** Calls once more after signing in, if that is what the call was refused for. */
async function callSignedIn(client, call) {
  try {
    await client.callTool(call);
  } catch (error) {
    if ((await api('GET', `/servers/${slug}`)).authorization?.state !== 'needed') throw error;
    await signIn(slug);
    await ready(slug);
    await client.callTool(call);
  }
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
    for (const call of calls(tools)) await attempt(call.name, callSignedIn(client, call));
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
try {
  await register(slug);
  const client = await connect(slug);
  await useEverything(client);
  await client.close();
} finally {
  await api('DELETE', `/servers/${slug}`);
}
