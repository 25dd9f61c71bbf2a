import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, promptly } from './system';

const ROOT = join(__dirname, '..');
const START_MS = 120_000;

/** `npm start` without npm: a launcher on a folder of its own. */
class Instance {
  readonly folder = mkdtempSync(join(tmpdir(), 'mcp-router-launcher-'));
  readonly data = join(this.folder, 'data');
  private readonly config = join(this.folder, 'mcp-router.json');
  private child: ChildProcess | undefined;
  output = '';

  constructor(readonly port: number) {
    mkdirSync(this.data);
    const server = join(ROOT, 'node_modules/@modelcontextprotocol/server-memory/dist/index.js');
    const env = { MEMORY_FILE_PATH: join(this.folder, 'memory.jsonl') };
    writeFileSync(
      this.config,
      JSON.stringify({ mcpServers: { memory: { command: process.execPath, args: [server], env } } }),
    );
  }

  /** Starts a launcher; more than one to see the second refused. */
  run(): ChildProcess {
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [join(ROOT, 'tools/up.mjs')], {
      cwd: ROOT,
      env: { PATH, HOME, PORT: String(this.port), MCPR_DATA_DIR: this.data, MCPR_CONFIG: this.config },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    return child;
  }

  /** Starts it and waits for the table of servers, which is the last that it prints. */
  async start(): Promise<void> {
    this.output = '';
    const child = this.run();
    this.child = child;
    await eventually(
      () => {
        if (child.exitCode !== null) throw new Error(`The launcher ended:\n${this.output}`);
        return this.output.includes('Ctrl-C stops everything');
      },
      START_MS,
      () => `The launcher did not come up:\n${this.output}`,
    );
  }

  /** Sends a signal to the launcher alone and waits until it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  get key(): string | undefined {
    return /Key {4}(\S+) {3}\(the admin key/.exec(this.output)?.[1];
  }

  /** The command lines of all processes that know this folder: services, upstream servers, Postgres, Redis. */
  processes(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((pid) => {
        try {
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
          const isOurs =
            command.includes(this.folder) || readFileSync(`/proc/${pid}/environ`, 'utf8').includes(this.folder);
          return isOurs && command !== '' ? [command] : [];
        } catch {
          return []; // It ended meanwhile, or is not ours to look at.
        }
      });
  }

  /** As `processes`, without the two database servers, which outlive a killed launcher. */
  services(): string[] {
    return this.processes().filter((command) => !/postgres|redis|valkey/.test(command));
  }

  api(method: string, path: string, key: string, body?: object): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('npm start', () => {
  let first: Instance, second: Instance;
  let key: string;

  beforeAll(async () => {
    first = new Instance(await freePort());
    second = new Instance(await freePort());
    await Promise.all([first.start(), second.start()]);
    key = first.key ?? '';
  }, 2 * START_MS);

  afterAll(async () => {
    for (const instance of [first, second]) {
      await instance.end('SIGINT');
      rmSync(instance.folder, { recursive: true, force: true });
    }
  });

  it('prints the addresses, the admin key, the servers and what to paste into a client', () => {
    expect(key).toMatch(/^\S{20,}$/);
    expect(first.output).toContain(`http://127.0.0.1:${first.port}/docs`);
    expect(first.output).toContain(`claude mcp add --transport http router http://127.0.0.1:${first.port}/mcp`);
    expect(first.output).toMatch(/memory +ready +9/);
  });

  it('runs two instances side by side, each with its own key', async () => {
    expect(second.key).not.toBe(key);
    expect((await first.api('GET', 'servers', key)).status).toBe(200);
    expect((await second.api('GET', 'servers', key)).status).toBe(401);
  });

  it('refuses a second start on the same data folder and says where the first one is', async () => {
    const [code] = (await once(first.run(), 'close')) as [number];
    expect(code).toBe(1);
    expect(first.output).toContain(`already runs on the data folder ${first.data}`);
    expect((await first.api('GET', 'servers', key)).status).toBe(200);
  });

  it('leaves nothing behind after Ctrl-C', async () => {
    expect(second.processes().length).toBeGreaterThanOrEqual(8);
    const began = Date.now();
    await second.end('SIGINT');
    expect(second.processes()).toEqual([]);
    // Two seconds on an idle machine.
    expect(Date.now() - began).toBeLessThan(20_000);
  });

  it('leaves no service and no upstream server 5 s after the launcher was killed with -9', async () => {
    const kept = { slug: 'kept', command: 'node', args: ['--version'], enabled: false };
    expect((await first.api('POST', 'servers', key, kept)).status).toBe(201);
    await first.end('SIGKILL');
    await promptly(
      () => first.services().length === 0,
      5_000,
      () => `still there: ${first.services().join('\n')}`,
    );
    expect(first.processes()).not.toEqual([]); // Postgres and Redis wait for the next start.
  });

  it('leaves no service either when it is killed while the services are starting', async () => {
    const launcher = first.run();
    await eventually(() => first.services().length > 3, START_MS);
    launcher.kill('SIGKILL');
    await eventually(
      () => first.services().length === 0,
      60_000,
      () => `still there: ${first.services().join('\n')}`,
    );
  });

  it('takes the data up again at the next start, without building, and does not show the key again', async () => {
    await first.start();
    expect(first.output).not.toMatch(/^built|Installing/m);
    expect(first.key).toBeUndefined();
    expect((await first.api('GET', 'servers/kept', key)).status).toBe(200);
    await first.end('SIGTERM');
    expect(first.processes()).toEqual([]);
    expect(existsSync(join(first.data, 'logs/gateway.log'))).toBe(true);
  });
});
