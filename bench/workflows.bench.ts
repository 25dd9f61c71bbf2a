/*
 * `npm run bench -- workflows [rounds, 5 | dbos | router]`: durable steps beside @dbos-inc/dbos-sdk, same Postgres, same run, rounds in
 * turn; then a whole router: from start to first step, a thousand live runs after SIGKILL, 100,000 waiting ones.
 *
 * Both sides run the same workflow: ten steps in a row, each a call of an in-memory tool whose argument is computed from
 * the output of the step before, each recorded before the next begins. Ours is read from a document with jq and is
 * recorded before and after the call; theirs is a function. Each side is a process of its own, idle while the other runs.
 */
import { besideDbos, serveSide } from './workflows/beside-dbos';
import { serveWaiting, wholeRouter } from './workflows/whole-router';

const [what = '5', side = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const isOnly = (part: string) => what === part || !/^[a-z]/.test(what);
  const rounds = Number(/^\d+$/.test(what) ? what : 5);
  if (isOnly('dbos')) console.table(await besideDbos(rounds));
  if (isOnly('router')) console.table(await wholeRouter());
  process.exit(0);
}

if (what === 'side') void serveSide(side);
else if (what === 'waiting') void serveWaiting();
else void main();
