// One service process: started with an ipc channel, restarted when it dies, stopped without leaving anything behind.
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { isAlive, until } from '../infra/processes.mjs';
import { ROOT } from '../workspace.mjs';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 15_000;
/** A service that ran this long was well; its next crash starts the backoff anew. */
const STABLE_MS = 30_000;
/** A service that has never been ready is given this many starts. */
const HOPELESS_AFTER = 3;
/** The exit code of a service whose environment is not right (EX_CONFIG): another start would say the same. */
const BAD_ENVIRONMENT = 78;
/** Of the services: `SHUTDOWN_TIMEOUT_MS` by default, and what they take to end after it. */
const DRAIN_MS = 25_000;
const ENDING_MS = 6_000;
/** After this long it is said what the end waits for. */
const QUIET_MS = 2_000;

/**
 * Emits `message` for what the service sends, `restart` with the delay in ms, and `hopeless` when it cannot start at all.
 * The service ends by itself when the ipc channel closes, so it does not outlive a launcher that is killed with -9.
 */
export class Service extends EventEmitter {
  #failures = 0;
  #wasReady = false;
  #stopping = false;
  #timer;

  constructor(name, { env, log, script = join(ROOT, 'dist/apps', name, 'main.mjs') }) {
    super();
    this.name = name;
    this.env = env;
    this.log = log;
    this.script = script;
    this.isReady = false;
  }

  start() {
    const began = Date.now();
    const child = fork(this.script, {
      cwd: ROOT,
      env: this.env,
      // Half of the young generation that V8 would take: 20 MB less in each idle service for 2 % more CPU at worst. And no
      // guessing which objects will grow old: under load V8 takes those of calls for such, and collects them late. The old
      // generation may double before it is collected, which else happens every three seconds under load.
      execArgv: [
        '--enable-source-maps',
        '--max-semi-space-size=8',
        '--no-allocation-site-pretenuring',
        '--heap-growing-percent=100',
      ],
      detached: true, // Ctrl-C reaches the launcher only, which stops the services in order.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    this.log.follow(child.stdout, false);
    this.log.follow(child.stderr, true);
    child.on('message', (message) => {
      if (message?.type === 'ready') {
        this.isReady = true;
        this.#wasReady = true;
      }
      this.emit('message', message);
    });
    child.once('error', () => {});
    child.once('exit', (code, signal) => this.#ended(began, code ?? signal));
  }

  /** Sends over the ipc channel; a service that is just restarting does not get it. */
  send(message) {
    if (this.child?.connected) this.child.send(message, () => {});
  }

  #ended(began, how) {
    this.isReady = false;
    killGroup(this.child.pid);
    if (this.#stopping) return;
    this.#failures = Date.now() - began > STABLE_MS ? 1 : this.#failures + 1;
    if (how === BAD_ENVIRONMENT || (!this.#wasReady && this.#failures >= HOPELESS_AFTER)) {
      this.emit('hopeless', how);
      return;
    }
    const delay = Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), LONGEST_DELAY_MS);
    this.emit('restart', delay, how);
    this.#timer = setTimeout(() => this.start(), delay);
  }

  /**
   * SIGTERM, then SIGKILL when calls in flight have had their time (`SHUTDOWN_TIMEOUT_MS`) or `isUrgent()` turns true; then
   * whatever is left in its process group. Emits `draining` when it takes a while.
   */
  async stop(isUrgent = () => false) {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const pid = this.child?.pid;
    if (pid === undefined) return;
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const draining = setTimeout(() => this.emit('draining'), QUIET_MS);
    await until(() => !isAlive(pid) || isUrgent(), (Number(this.env.SHUTDOWN_TIMEOUT_MS) || DRAIN_MS) + ENDING_MS);
    clearTimeout(draining);
    killGroup(pid);
    await until(() => !isAlive(pid), 1_000);
  }
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is empty.
  }
}
