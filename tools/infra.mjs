// A throw-away Postgres and Redis on free ports: prints DATABASE_URL= and REDIS_URL=, stays up until a signal or the end of its parent.
import { startThrowAway } from './infra/throw-away.mjs';

const parent = process.ppid;
const starting = startThrowAway();

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await (await starting.catch(() => undefined))?.stop();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
process.on('disconnect', stop);
setInterval(() => process.ppid !== parent && stop(), 500);

const infra = await starting;
console.log(`DATABASE_URL=${infra.DATABASE_URL}\nREDIS_URL=${infra.REDIS_URL}`);
process.send?.({ type: 'ready', DATABASE_URL: infra.DATABASE_URL, REDIS_URL: infra.REDIS_URL });
