/*
 * `npm run bench -- monitor [parts] [--seconds 60] [--rounds 12]`: what monitoring costs and how fast it answers.
 *
 * Parts: record, ingest, query, stream, overhead; all of them if none is named. Everything is the product itself:
 * Postgres and Redis are real, `stream` and `overhead` run gateway, router and monitor as processes of their own.
 */
import { parseArgs } from 'node:util';
import { measureIngest } from './monitor/ingest';
import { measureOverhead } from './monitor/overhead';
import { measureQueries } from './monitor/query';
import { measureRecording } from './monitor/record';
import { measureStream, readStreams } from './monitor/stream';
import type { Row } from './monitor/row';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, rounds: { type: 'string', default: '12' } },
});

const PARTS: Record<string, () => Promise<Row[]>> = {
  record: () => Promise.resolve(measureRecording()),
  ingest: () => measureIngest(Number(values.seconds)),
  query: measureQueries,
  stream: measureStream,
  overhead: () => measureOverhead(Number(values.rounds)),
};

async function run(): Promise<void> {
  const unknown = positionals.filter((name) => !PARTS[name]);
  if (unknown.length > 0)
    throw new Error(`There is no part ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const startedAt = performance.now();
    rows.push(...(await measure()));
    console.log(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }
  console.table(
    rows.map(({ what, value, atMost, unit, isHeld }) => ({
      what,
      measured: `${Number(value.toPrecision(3))} ${unit}`,
      'at most': atMost === undefined ? '' : `${atMost} ${unit}`,
      reached: atMost === undefined ? '' : (isHeld ?? value <= atMost) ? 'yes' : 'no',
    })),
  );
}

if (process.send) void readStreams();
else void run();
