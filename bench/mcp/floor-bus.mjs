// A gateway and a router that do nothing but pass a request on over Redis: what the way itself costs.
// `floor-bus.mjs router <redis url> <upstream url>`, then `floor-bus.mjs gateway <redis url>`
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { Pool } from 'undici';

const [role, redisUrl, upstream] = process.argv.slice(2);
const [out, inbox] = ['bench:floor:out', 'bench:floor:in'];
const publisher = new Redis(redisUrl);
const subscriber = new Redis(redisUrl);

/** Takes messages, which are `<number> <body>`. */
async function listen(channel, take) {
  await subscriber.subscribe(channel);
  subscriber.on('message', (_, message) => {
    const space = message.indexOf(' ');
    take(message.slice(0, space), message.slice(space + 1));
  });
}

const ready = (url) => process.stdout.write(`${JSON.stringify({ url })}\n`);

async function router() {
  const { origin, pathname } = new URL(upstream);
  const pool = new Pool(origin, { connections: 128, pipelining: 1 });
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  await listen(out, (number, body) => {
    let answer = '';
    pool.dispatch(
      { path: pathname, method: 'POST', headers, body },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData: (_, chunk) => (answer += chunk),
        onResponseEnd: () => void publisher.publish(inbox, `${number} ${answer}`),
        onResponseError: (_, error) => console.error(error),
      },
    );
  });
  ready(upstream);
}

async function gateway() {
  const open = new Map();
  let last = 0;
  await listen(inbox, (number, body) => {
    const response = open.get(number);
    open.delete(number);
    response?.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const number = String(++last);
      open.set(number, response);
      void publisher.publish(out, `${number} ${body}`);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => ready(`http://127.0.0.1:${server.address().port}/mcp`));
}

await (role === 'router' ? router() : gateway());
