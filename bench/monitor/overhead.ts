import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, openSession, toolCall, type Load } from '../mcp/load.mjs';
import { start } from '../mcp/processes.mjs';
import { startServices } from '../mcp/services.mjs';
import { median, type Row } from './row';

const ROUND_MS = 1_000;
const CONCURRENCY = 16;
const STATES = ['off', 'metrics', 'all'] as const;
type State = (typeof STATES)[number];
const LEAN = join(process.cwd(), 'bench/mcp/lean-upstream.mjs');

/** Calls of one tool through the whole system, with monitoring off, with metrics, and with the call log too, in turn and in the same processes. */
export async function measureOverhead(rounds: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-router-bench-'));
  const upstream = await start(process.execPath, [LEAN]);
  const services = await startServices({ lean: { type: 'http', url: upstream.url } }, folder);
  const path = { url: `${services.url}/mcp/lean`, headers: services.headers };
  const pids = (): number[] => [services.pidOf('gateway'), services.pidOf('router')];
  const target = { ...path, call: toolCall('echo'), session: await openSession(path), pids };
  const put = async (flag: string, enabled: boolean): Promise<void> => {
    const response = await fetch(`${services.url}/api/v1/flags/${flag}`, {
      method: 'PUT',
      headers: { ...services.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ enabled }),
    });
    if (!response.ok) throw new Error(`the flag was not set: ${response.status} ${await response.text()}`);
  };
  const enter = async (state: State): Promise<void> => {
    await put('MONITORING', state !== 'off');
    await put('CALL_LOG', state === 'all');
    // The flags reach the router within a moment; what was recorded until then is stored.
    await load(target, CONCURRENCY, 300);
  };
  await load(target, CONCURRENCY, 4_000);
  const seen: Record<State, Load[]> = { off: [], metrics: [], all: [] };
  for (let round = 0; round < rounds; round++) {
    // Each is first as often as the others: the machine drifts.
    for (let i = 0; i < STATES.length; i++) {
      const state = STATES[(round + i) % STATES.length] as State;
      await enter(state);
      seen[state].push(await load(target, CONCURRENCY, ROUND_MS));
    }
  }
  await services.stop();
  upstream.child.kill();
  rmSync(folder, { recursive: true, force: true });
  const lost = (state: State): number =>
    median(seen[state].map(({ perSecond }, i) => 100 * (1 - perSecond / (seen.off[i]?.perSecond ?? perSecond))));
  const of = (state: State, figure: 'perSecond' | 'cpuMsPerCall'): number =>
    median(seen[state].map((load) => load[figure]));
  const cpu = (state: State): number => of(state, 'cpuMsPerCall') / of('off', 'cpuMsPerCall');
  return [
    { what: 'overhead: throughput lost by metrics, median of rounds', value: lost('metrics'), unit: '%', atMost: 3 },
    { what: 'overhead: lost by metrics and call log', value: lost('all'), unit: '%', atMost: 3 },
    { what: 'overhead: calls/s without', value: of('off', 'perSecond'), unit: '' },
    { what: 'overhead: calls/s with metrics', value: of('metrics', 'perSecond'), unit: '' },
    { what: 'overhead: calls/s with metrics and call log', value: of('all', 'perSecond'), unit: '' },
    { what: 'overhead: CPU of gateway and router a call, metrics / off', value: cpu('metrics'), unit: '×' },
    { what: 'overhead: CPU of gateway and router a call, all / off', value: cpu('all'), unit: '×' },
  ];
}
