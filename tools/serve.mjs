// `nx serve <app>`: builds on every change and restarts the service. Brings up Postgres and Redis unless the environment names them.
import { watch } from 'rolldown';
import { bundleOptions } from './build.mjs';
import { startInfra } from './infra/index.mjs';
import { Service } from './up/service.mjs';
import { readSettings, serviceEnv } from './up/settings.mjs';
import { APPS } from './workspace.mjs';

const [app] = process.argv.slice(2);
if (!APPS.includes(app)) {
  console.error(`Which app? One of: ${APPS.join(', ')}`);
  process.exit(2);
}

const settings = readSettings();
const infra = await startInfra({ folder: settings.folder });
const toTerminal = { follow: (stream, isError) => stream.pipe(isError ? process.stderr : process.stdout) };
const env = { ...serviceEnv(app, settings, infra), NODE_ENV: 'development' };

let service;
/** Builds and restarts come one after another, also when files change faster than a service stops. */
let turn = Promise.resolve();

function restart() {
  turn = turn.then(async () => {
    await service?.stop();
    service = new Service(app, { env, log: toTerminal });
    service.on('restart', (delay, how) => console.error(`${app} ended (${how}); starts again in ${delay} ms`));
    service.on('hopeless', (how) => console.error(`${app} does not start (${how}); waiting for a change`));
    service.on('message', ({ type, key }) => type === 'admin-key' && console.log(`admin key: ${key}`));
    service.start();
  });
}

const watcher = watch(bundleOptions(app));
watcher.on('event', async ({ code, error, result }) => {
  if (code === 'BUNDLE_END') restart();
  if (code === 'ERROR') console.error(error.message);
  await result?.close();
});

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await watcher.close();
  await turn;
  await service?.stop();
  await infra.stop();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
