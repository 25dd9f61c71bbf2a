// Durable steps beside @dbos-inc/dbos-sdk: each side a process of its own on the same Postgres, rounds in turn.
import { fork, type ChildProcess } from 'node:child_process';
import { openDatabase } from '@mcp-router/platform';
import { MIGRATIONS } from '../../apps/router/src/migrations';
import { ServerEntity } from '../../apps/router/src/servers/server.entity';
import { EngineProcess } from '../../apps/router/src/workflows/engine/testing/engine-process';

const STEPS = 10;
const IN_FLIGHT = 64;
const WARM_UP_RUNS = 300;
const RUNS_AT_64 = 600;
const RUNS_AT_1 = 100;

interface Order {
  inFlight: number;
  runs: number;
}
/** Runs one after the other in each of `inFlight` lanes. @returns the milliseconds that all took */
async function inLanes({ inFlight, runs }: Order, one: () => Promise<unknown>): Promise<number> {
  let left = runs;
  const lane = async () => {
    while (left-- > 0) await one();
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return performance.now() - started;
}

async function ours(): Promise<(order: Order) => Promise<number>> {
  const database = await openDatabase({
    schema: 'router',
    url: process.env['DATABASE_URL']!,
    poolSize: 10,
    entities: [ServerEntity],
    migrations: MIGRATIONS,
  });
  let calls = 0;
  const call = ({ args }: { args: Record<string, unknown> }) => {
    calls++;
    return { n: args['n'] as number };
  };
  const host = new EngineProcess(database, { call, isRepeatable: () => false, leaseMs: 5_000, sweepMs: 1_500 });
  await host.boot();
  const task = (index: number) => ({ [`step${index}`]: { call: 'fx__count', with: { n: '${ .n + 1 }' } } });
  const version = await host.publish({
    document: { dsl: '1.0.3', namespace: 'bench', name: 'steps', version: '1.0.0' },
    do: Array.from({ length: STEPS }, (_, index) => task(index)),
  });
  const ended = new Map<string, () => void>();
  const early = new Set<string>();
  host.engine.onEnded((run) => {
    const waiting = ended.get(run);
    ended.delete(run);
    if (waiting) waiting();
    else early.add(run);
  });
  const one = async () => {
    const { id } = await host.start(version, { n: 0 });
    if (!early.delete(id)) await new Promise<void>((resolve) => ended.set(id, resolve));
  };
  return async (order) => {
    calls = 0;
    const took = await inLanes(order, one);
    if (calls !== order.runs * STEPS) throw new Error(`${calls} calls`);
    return took;
  };
}

/** What is used of the SDK. */
interface Dbos {
  setConfig(config: object): void;
  launch(): Promise<void>;
  runStep<T>(step: () => Promise<T>, options: { name: string }): Promise<T>;
  registerWorkflow<I, O>(workflow: (input: I) => Promise<O>, options: { name: string }): (input: I) => Promise<O>;
  startWorkflow<I, O>(workflow: (input: I) => Promise<O>): (input: I) => Promise<{ getResult(): Promise<O> }>;
}

async function theirs(): Promise<(order: Order) => Promise<number>> {
  // Only there when the packages of bench/ are installed.
  const sdk = '@dbos-inc/dbos-sdk';
  const { DBOS } = (await import(sdk)) as { DBOS: Dbos };
  const url = new URL(process.env['DATABASE_URL']!);
  url.pathname = '/bench_dbos';
  DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url.href, systemDatabasePoolSize: 10, logLevel: 'error' });
  let calls = 0;
  const count = (n: number) => {
    calls++;
    return Promise.resolve({ n });
  };
  const workflow = DBOS.registerWorkflow(
    async (input: { n: number }) => {
      let data = input;
      for (let index = 0; index < STEPS; index++) {
        const n = data.n + 1;
        data = await DBOS.runStep(() => count(n), { name: 'count' });
      }
      return data;
    },
    { name: 'steps' },
  );
  await DBOS.launch();
  const one = async () => (await DBOS.startWorkflow(workflow)({ n: 0 })).getResult();
  return async (order) => {
    calls = 0;
    const took = await inLanes(order, one);
    if (calls !== order.runs * STEPS) throw new Error(`${calls} calls`);
    return took;
  };
}

export async function serveSide(side: string): Promise<void> {
  const run = side === 'ours' ? await ours() : await theirs();
  process.on('message', (order: Order) => {
    void run(order).then(
      (took) => process.send?.({ took }),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.send?.('ready');
}

class Side {
  private constructor(private readonly child: ChildProcess) {}

  static async start(name: string): Promise<Side> {
    const child = fork(process.argv[1]!, ['side', name], { execArgv: process.execArgv });
    const side = new Side(child);
    await side.answer();
    return side;
  }

  async run(order: Order): Promise<number> {
    this.child.send(order);
    return ((await this.answer()) as { took: number }).took;
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  private answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const gone = (code: number | null) => reject(new Error(`a side ended with ${code}`));
      this.child.once('exit', gone);
      this.child.once('message', (message) => {
        this.child.off('exit', gone);
        resolve(message);
      });
    });
  }
}

export const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

export async function besideDbos(rounds: number): Promise<object[]> {
  const sides = { ours: await Side.start('ours'), dbos: await Side.start('theirs') };
  const rates = { ours: [] as number[], dbos: [] as number[] };
  const delays = { ours: [] as number[], dbos: [] as number[] };
  for (const side of Object.values(sides)) await side.run({ inFlight: IN_FLIGHT, runs: WARM_UP_RUNS });
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['ours', 'dbos'] as const) : (['dbos', 'ours'] as const);
    for (const name of order) {
      const took = await sides[name].run({ inFlight: IN_FLIGHT, runs: RUNS_AT_64 });
      rates[name].push((RUNS_AT_64 * STEPS * 1_000) / took);
    }
    for (const name of order) {
      const took = await sides[name].run({ inFlight: 1, runs: RUNS_AT_1 });
      delays[name].push(took / RUNS_AT_1 / STEPS);
    }
  }
  for (const side of Object.values(sides)) side.stop();
  const ratio = (values: typeof rates) => median(values.ours.map((value, index) => value / values.dbos[index]!));
  return [
    {
      measured: `durable steps/s, ${IN_FLIGHT} runs in flight`,
      ours: Math.round(median(rates.ours)),
      dbos: Math.round(median(rates.dbos)),
      ratio: ratio(rates).toFixed(2),
      asked: '≥ 3 (aim 5)',
    },
    {
      measured: 'added ms per step, one run at a time',
      ours: median(delays.ours).toFixed(3),
      dbos: median(delays.dbos).toFixed(3),
      ratio: ratio(delays).toFixed(2),
      asked: '≤ 0.8 (aim 0.65)',
    },
  ];
}
