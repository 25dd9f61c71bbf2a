import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSession, toolCall } from './load.mjs';
import { treeOf } from './processes.mjs';
import { SseClient } from './sse-client.mjs';

const MODULES = join(dirname(fileURLToPath(import.meta.url)), '../node_modules');

/** What others use instead: how each is started in front of one upstream, and how its clients speak to it. */
const PEERS = [
  {
    name: 'mcp-hub',
    file: 'mcp-hub/dist/cli.js',
    start: (entry, port, upstream, folder) => {
      writeFileSync(join(folder, 'hub.json'), JSON.stringify({ mcpServers: { lean: { url: upstream } } }));
      return [process.execPath, [entry, '--port', port, '--config', join(folder, 'hub.json')]];
    },
    path: '/mcp',
    isSse: true,
    call: toolCall('lean__echo'),
  },
  {
    name: 'mcporter serve',
    file: 'mcporter/dist/cli.js',
    start: (entry, port, upstream, folder) => {
      mkdirSync(join(folder, 'config'));
      const servers = { mcpServers: { lean: { baseUrl: upstream, lifecycle: 'keep-alive' } } };
      writeFileSync(join(folder, 'config/mcporter.json'), JSON.stringify(servers));
      return [process.execPath, [entry, 'serve', '--http', port]];
    },
    path: '/mcp/lean',
    isSse: false,
    call: toolCall('echo'),
  },
  {
    name: 'slop-mcp (Go)',
    file: '@standardbeagle/slop-mcp/bin.js',
    start: (entry, port, upstream, folder) => {
      writeFileSync(join(folder, '.slop-mcp.kdl'), `mcp "lean" {\n    type "streamable"\n    url "${upstream}"\n}\n`);
      return [process.execPath, [entry, 'serve', '--port', port]];
    },
    path: '/sse',
    isSse: true,
    call: (message) =>
      `{"name":"execute_tool","arguments":{"mcp_name":"lean","tool_name":"echo","parameters":{"message":"${message}"}}}`,
  },
];

/** Starts the peers that are installed. @returns targets for `load`; one that does not start is left out with a word */
export async function startPeers(upstream, folder) {
  const targets = [];
  for (const peer of PEERS) {
    const entry = join(MODULES, peer.file);
    if (!existsSync(entry)) {
      console.log(`${peer.name} is not installed in bench/: left out`);
      continue;
    }
    const own = join(folder, peer.name.replace(/\W+/g, '-'));
    mkdirSync(own, { recursive: true });
    const port = String(await freePort());
    const [command, args] = peer.start(entry, port, upstream, own);
    const child = spawn(command, args, { cwd: own, stdio: 'ignore', env: { ...process.env, HOME: own } });
    const target = {
      name: peer.name,
      url: `http://127.0.0.1:${port}${peer.path}`,
      headers: {},
      call: peer.call,
      session: '',
      Client: peer.isSse ? SseClient : undefined,
      pids: () => treeOf(child.pid),
      stop: () => stopTree(child.pid),
    };
    try {
      await answers(Number(port));
      if (!peer.isSse) target.session = await openSession(target);
      await firstCall(target);
      targets.push(target);
    } catch (error) {
      console.log(`${peer.name} does not answer (${error.message}): left out`);
      stopTree(child.pid);
    }
  }
  return targets;
}

/** Some peers start daemons that outlive them. */
function stopTree(root) {
  for (const pid of treeOf(root).reverse()) {
    try {
      process.kill(pid);
    } catch {
      // It has ended.
    }
  }
}

/** Waits until the peer knows the upstream's tool. */
async function firstCall(target) {
  const { load } = await import('./load.mjs');
  for (let tries = 0; ; tries++) {
    try {
      await load(target, 1, 50);
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

async function answers(port) {
  for (let tries = 0; tries < 60; tries++) {
    const isOpen = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('its port stays closed');
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
