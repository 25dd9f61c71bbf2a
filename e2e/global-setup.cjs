// Before the e2e tests: the apps are built, and there is a Postgres and a Redis (those of the environment, else throw-away ones).
const { execFileSync, fork } = require('node:child_process');
const { once } = require('node:events');
const { join } = require('node:path');

const tools = join(__dirname, '../tools');

module.exports = async () => {
  execFileSync(process.execPath, [join(tools, 'build.mjs')], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (process.env.DATABASE_URL && process.env.REDIS_URL) return;
  const infra = fork(join(tools, 'infra.mjs'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ DATABASE_URL, REDIS_URL }] = await once(infra, 'message');
  Object.assign(process.env, { DATABASE_URL, REDIS_URL });
  globalThis.__INFRA__ = infra;
};
