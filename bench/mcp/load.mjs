import { HttpClient } from './http-client.mjs';
import { cpuMs } from './processes.mjs';

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
};

/** Opens one session; `target` is `{ url, headers }`. @returns the header lines that its requests need */
export async function openSession(target) {
  const client = new HttpClient(target.url, target.headers);
  await client.open();
  const { status, head, body } = await client.post(JSON.stringify(INITIALIZE));
  if (status !== 200) throw new Error(`initialize: ${status} ${body}`);
  const id = /\r\nmcp-session-id: *(\S+)/i.exec(head)?.[1];
  const headers = id === undefined ? '' : `mcp-session-id: ${id}\r\nmcp-protocol-version: 2025-06-18\r\n`;
  await client.post('{"jsonrpc":"2.0","method":"notifications/initialized"}', headers);
  client.close();
  return headers;
}

let messages = 0;

/** Calls the tool once and checks that what came back is what was sent. */
async function callOnce(client, { call, session }) {
  const n = ++messages;
  const message = `message ${n} of this run, long enough to look like an argument`;
  const body = `{"jsonrpc":"2.0","id":${n},"method":"tools/call","params":${call(message)}}`;
  const reply = await client.post(body, session);
  if (reply.status !== 200 || !new RegExp(`"id": ?${n}\\b`).test(reply.body) || !reply.body.includes(message)) {
    throw new Error(`a wrong answer: ${reply.status} ${reply.body.slice(0, 300)}`);
  }
}

/** Parameters of a call of the tool `name` with a message. */
export const toolCall = (name) => (message) => `{"name":"${name}","arguments":{"message":"${message}"}}`;

/**
 * Keeps `concurrency` calls in flight for a while; every answer is checked.
 *
 * @param target `{ url, headers, call, session, pids, Client }`; `pids()` are the processes whose CPU counts
 * @returns calls/s, latencies in milliseconds, and CPU milliseconds per call
 */
export async function load(target, concurrency, durationMs) {
  const clients = Array.from(
    { length: concurrency },
    () => new (target.Client ?? HttpClient)(target.url, target.headers),
  );
  await Promise.all(clients.map((client) => client.open()));
  const latencies = [];
  const pids = target.pids();
  const cpuBefore = cpuMs(pids);
  const startedAt = performance.now();
  const until = startedAt + durationMs;
  await Promise.all(
    clients.map(async (client) => {
      for (let now = performance.now(); now < until;) {
        await callOnce(client, target);
        const end = performance.now();
        latencies.push(end - now);
        now = end;
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = cpuMs(pids) - cpuBefore;
  for (const client of clients) client.close();
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  return {
    perSecond: latencies.length / seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    cpuMsPerCall: cpu / latencies.length,
  };
}
