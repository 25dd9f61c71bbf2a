// A reverse proxy that does nothing but forward: Node's http server and undici. `floor-proxy.mjs <upstream url>`
import { createServer } from 'node:http';
import { Pool } from 'undici';

const target = new URL(process.argv[2]);
const pool = new Pool(target.origin, { connections: 128, pipelining: 1 });
const server = createServer((request, response) => {
  const { host: _, connection: __, ...headers } = request.headers;
  pool.stream(
    { path: target.pathname, method: request.method, headers, body: request },
    ({ statusCode, headers: received }) => {
      const { connection: ___, 'keep-alive': ____, ...kept } = received;
      response.writeHead(statusCode, kept);
      return response;
    },
    (error) => error && response.destroy(),
  );
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/mcp` })}\n`);
});
