import { Reaper } from '../processes/reaper';
import type { ServerSpec } from '../upstreams/server-spec';
import { ask, upstreamBench } from './upstream-bench';

/** A process that keeps the servers of its argument (specs as JSON), says `ready` when all answer, and stays. */
const bench = upstreamBench(new Reaper());

async function main(specs: Partial<ServerSpec>[]): Promise<void> {
  await Promise.all(
    specs.map(async ({ transport, ...spec }) => transport && ask(bench.open(transport, spec), 'tools/list')),
  );
  process.stdout.write(`ready ${bench.reaper.wardenPid ?? ''}\n`);
  setInterval(() => undefined, 60_000);
}

void main(JSON.parse(process.argv[2] ?? '[]') as Partial<ServerSpec>[]);
