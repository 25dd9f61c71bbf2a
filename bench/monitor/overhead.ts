import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, openSession, toolCall, type Load } from '../mcp/load.mjs';
import { Client } from 'pg';
import { cpuMsOfTree, start } from '../mcp/processes.mjs';
import { startServices } from '../mcp/services.mjs';
import { postmasterOf } from './postmaster';
import { median, type Row } from './row';

const ROUND_MS = 1_000;
const CONCURRENCY = 16;
const SETTLE_MS = 1_500;
const STATES = ['off', 'metrics', 'all'] as const;
type State = (typeof STATES)[number];
/** One after the other, so that each state comes as often after each other one: what a state leaves behind is paid by all. */
const ORDERS: readonly (readonly State[])[] = [
  ['off', 'metrics', 'all'],
  ['metrics', 'all', 'off'],
  ['all', 'off', 'metrics'],
  ['all', 'metrics', 'off'],
  ['off', 'all', 'metrics'],
  ['metrics', 'off', 'all'],
];
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
    // What was recorded until now is stored, so that no state pays for the one before; the flags reach the router meanwhile.
    await sleep(SETTLE_MS);
    await load(target, CONCURRENCY, 300);
  };
  const database = new Client({ connectionString: process.env['DATABASE_URL'] });
  await database.connect();
  const postgres = await postmasterOf({ query: async (sql) => (await database.query(sql)).rows as unknown });
  await database.end();
  const processes: Record<string, number> = {
    ...{ gateway: services.pidOf('gateway'), router: services.pidOf('router'), monitor: services.pidOf('monitor') },
    ...{ Redis: services.redisPid(), Postgres: postgres },
  };
  const cpuOfAll = (): number[] => Object.values(processes).map((pid) => cpuMsOfTree(pid));
  const used: Record<State, number[][]> = { off: [], metrics: [], all: [] };
  await load(target, CONCURRENCY, 4_000);
  const seen: Record<State, Load[]> = { off: [], metrics: [], all: [] };
  for (let turn = 0; turn < rounds; turn++) {
    for (const state of ORDERS[turn % ORDERS.length] ?? STATES) {
      await enter(state);
      const before = cpuOfAll();
      const round = await load(target, CONCURRENCY, ROUND_MS);
      const calls = (round.perSecond * ROUND_MS) / 1000;
      seen[state].push(round);
      used[state].push(cpuOfAll().map((ms, at) => ((ms - (before[at] ?? 0)) * 1000) / calls));
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
  const microseconds = (state: State, at: number): number => median(used[state].map((round) => round[at] ?? 0));
  const cpuRows = Object.keys(processes).map((name, at): Row => ({
    what: `overhead: CPU of ${name} a call, off · metrics · all`,
    value: microseconds('all', at),
    unit: `µs (${STATES.map((state) => microseconds(state, at).toFixed(0)).join(' · ')})`,
  }));
  return [
    { what: 'overhead: throughput lost by metrics, median of rounds', value: lost('metrics'), unit: '%', atMost: 3 },
    { what: 'overhead: lost by metrics and call log', value: lost('all'), unit: '%', atMost: 3 },
    { what: 'overhead: calls/s without', value: of('off', 'perSecond'), unit: '' },
    { what: 'overhead: calls/s with metrics', value: of('metrics', 'perSecond'), unit: '' },
    { what: 'overhead: calls/s with metrics and call log', value: of('all', 'perSecond'), unit: '' },
    { what: 'overhead: CPU of gateway and router a call, metrics / off', value: cpu('metrics'), unit: '×' },
    { what: 'overhead: CPU of gateway and router a call, all / off', value: cpu('all'), unit: '×' },
    ...cpuRows,
  ];
}
