import { readdirSync } from 'node:fs';
import { until } from '@mcp-router/platform/testing';
import { newMark, ODD_SERVER } from '../testing/processes';
import { ask, stdio, upstreamBench } from '../testing/upstream-bench';

const CYCLES = 1_000;
const AT_ONCE = 4;

const openFiles = (): number => readdirSync('/proc/self/fd').length;

it('connects and disconnects 1,000 times and leaves no process, no file descriptor and no memory behind', async () => {
  const bench = upstreamBench();
  const mark = newMark();
  const cycle = async (i: number): Promise<void> => {
    const habits = i % 10 === 0 ? ['--fork-away'] : i % 10 === 1 ? ['--fork'] : [];
    const upstream = bench.open(stdio(ODD_SERVER, habits, mark.env), { slug: `odd-${i}` });
    await ask(upstream, 'ping');
    // Half of them are killed, half are closed.
    if (i % 2 === 0) process.kill(upstream.connections[0]?.pid ?? 0, 'SIGKILL');
    await upstream.close();
  };
  const run = async (from: number, to: number): Promise<void> => {
    let next = from;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < to) await cycle(next++);
      }),
    );
  };
  await run(0, 100);
  await until(async () => (await mark.pids()).length === 0);
  const [files, heap] = [openFiles(), heapAfterGc()];
  await run(100, CYCLES);
  await until(async () => (await mark.pids()).length === 0);
  await until(() => openFiles() <= files + 5);
  expect(heapAfterGc() - heap).toBeLessThan(30 * 1024 * 1024);
  await bench.close();
}, 600_000);

function heapAfterGc(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}
