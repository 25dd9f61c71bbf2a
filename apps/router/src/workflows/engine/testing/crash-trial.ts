import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Json, JsonObject } from '../../definition/json';
import { VersionStore } from '../../version-store';
import type { RunRow } from '../run-store';
import { WorkflowFault } from '../fault';
import { EngineProcess, expireLeases } from './engine-process';
import { CHILD_DEFINITIONS, randomWorkflow, type RandomWorkflow } from './random-definition';
import { reference, ReferenceError } from './reference';

/** What the world remembers of a call: by its key, which is the same for every attempt. */
interface Entry {
  run: string;
  args: JsonObject;
  /** How often it succeeded. */
  times: number;
  isSafe: boolean;
}

interface Trial extends RandomWorkflow {
  version: string;
  expected: Json | ReferenceError;
  effects: Record<string, Json[]>;
}

const PATIENCE_MS = 150_000;

/** Runs random workflows in engines that are cut off at random commits, and holds what they do against the reference. */
export class CrashTrial {
  private entries = new Map<string, Entry>();
  /** Keys of the calls of a run with a mark, in the order they came. */
  private keys = new Map<string, string[]>();
  private random = generator(1);
  private crashes = 0;
  private uncertain = 0;
  private readonly decided = new Set<string>();

  private readonly versions: VersionStore;

  constructor(private readonly database: DataSource) {
    this.versions = new VersionStore(database);
  }

  /** @returns how often an engine was cut off, and how many unsafe effects were uncertain then */
  async run({ seed, cases, together }: { seed: number; cases: number; together: number }) {
    this.random = generator(seed);
    const author = new EngineProcess(this.database, { call: () => null });
    for (const definition of Object.values(CHILD_DEFINITIONS)) await author.publish(definition);
    await author.crash();
    const definitions = fc.sample(randomWorkflow('random'), { seed, numRuns: cases });
    for (let from = 0; from < cases; from += together)
      await this.batch(definitions.slice(from, from + together), `${seed}-${from}`);
    return { crashes: this.crashes, uncertain: this.uncertain };
  }

  private async batch(workflows: RandomWorkflow[], batch: string): Promise<void> {
    this.entries = new Map();
    this.keys = new Map();
    const author = new EngineProcess(this.database, { call: () => null });
    const named = workflows.map(({ definition }, index) => {
      const document = { ...(definition['document'] as JsonObject), name: `case-${batch}-${index}` };
      return { ...definition, document };
    });
    const versions = await author.publishAll(named);
    const trials = await Promise.all(
      workflows.map(async ({ input }, index): Promise<Trial> => {
        const definition = named[index] as JsonObject;
        return { definition, input, version: versions[index] as string, ...(await this.expect(definition, input)) };
      }),
    );
    await author.crash();
    const rows = await this.live(trials);
    const roots = await this.roots();
    for (const [index, trial] of trials.entries()) this.compare(trial, rows[index] as RunRow, roots);
  }

  private async expect(definition: JsonObject, input: Json): Promise<Pick<Trial, 'expected' | 'effects'>> {
    const effects: Record<string, Json[]> = {};
    const tries = new Map<string, number>();
    const call = (args: JsonObject): Json => {
      (effects[args['lane'] as string] ??= []).push(args);
      const mark = args['mark'] as string;
      tries.set(mark, (tries.get(mark) ?? 0) + 1);
      return answer(args, tries.get(mark) as number);
    };
    const expected = await reference(definition, input, { call, definitions: CHILD_DEFINITIONS }).catch(
      (thrown: unknown) => {
        if (thrown instanceof ReferenceError) return thrown;
        throw thrown;
      },
    );
    return { expected, effects };
  }

  /** Engines one after the other, until every run has ended. */
  private async live(trials: Trial[]): Promise<RunRow[]> {
    const ids = new Map<string, string>();
    const deadline = Date.now() + PATIENCE_MS;
    for (let generation = 0; ; generation++) {
      const engine = this.process();
      await engine.boot();
      const missing = trials.filter(({ version }) => !ids.has(version));
      const starts = missing.map(async ({ version, input }) => {
        const { id } = await engine.start(version, input, version);
        if (!engine.isDead) ids.set(version, id);
      });
      await Promise.race([Promise.all(starts), engine.died]);
      while (!engine.isDead) {
        // What a dead process still had on its way may have come after it died.
        await expireLeases(this.database, engine.owner);
        const open = await this.open();
        if (open.length === 0) break;
        if (open.some(({ state }) => state === 'needs_attention')) await this.decide(engine);
        if (Date.now() > deadline) await this.wedged(engine, trials);
        await Promise.race([pause(15), engine.died]);
      }
      const isOver = !engine.isDead;
      await engine.crash();
      if (isOver) return this.rows(trials.map(({ version }) => ids.get(version) ?? ''));
      this.crashes++;
    }
  }

  /** One that is cut off a random number of commits from now, before or after the last of them is written. */
  private process(): EngineProcess {
    let left = 1 + Math.floor(this.random() ** 2 * 250);
    const isWritten = this.random() < 0.5;
    return new EngineProcess(this.database, {
      call: ({ task, args }, { key }) => this.act(task.call, args, key),
      isRepeatable: ({ task }) => task.call === 'fx__read',
      mayWrite: () => isWritten || --left > 0,
      wasWritten: () => !isWritten || --left > 0,
      sweepMs: 20,
      versions: this.versions,
    });
  }

  private async act(tool: string, args: JsonObject, key: string): Promise<Json> {
    const known = this.entries.get(key);
    const run = key.slice(0, key.indexOf(':'));
    const entry = known ?? { run, args, times: 0, isSafe: tool === 'fx__read' };
    if (!known) {
      const place = `${run} ${args['mark'] as string}`;
      this.keys.set(place, [...(this.keys.get(place) ?? []), key]);
      this.entries.set(key, entry);
    }
    const given = answer(args, this.attempt(key, args['mark'] as string));
    if (!('status' in given)) entry.times++;
    await new Promise(setImmediate);
    if ('status' in given) throw WorkflowFault.of('communication', 'refused', { status: given['status'] as number });
    return given;
  }

  /** Which of the calls with this mark in the same run a key is, counted from 1: a policy of retries makes several. */
  private attempt(key: string, mark: string): number {
    const { run } = this.entries.get(key) as Entry;
    return (this.keys.get(`${run} ${mark}`) ?? []).indexOf(key) + 1;
  }

  /** Looks into the log of the world whether an uncertain effect happened, and says so. */
  private async decide(engine: EngineProcess): Promise<void> {
    // What an owner before this one began, and nobody ended.
    const open = await this.database.query<{ id: string; path: string; attempt: number }[]>(
      `SELECT r.id, s.path, (s.data->>'attempt')::int AS attempt
         FROM router.workflow_run r JOIN router.workflow_event s ON s.run_id = r.id AND s.type = 'effect.scheduled'
        WHERE r.state = 'needs_attention' AND s.epoch < r.epoch AND (s.data->>'isSafe') = 'false'
          AND NOT EXISTS (SELECT 1 FROM router.workflow_event e WHERE e.run_id = r.id AND e.path = s.path AND e.seq > s.seq)`,
    );
    for (const { id, path, attempt } of open) {
      const key = `${id}:${path}`;
      if (this.decided.has(`${key} ${attempt}`)) continue;
      this.decided.add(`${key} ${attempt}`);
      const entry = this.entries.get(key);
      const given = entry && answer(entry.args, this.attempt(key, entry.args['mark'] as string));
      const isDone = given !== undefined && !('status' in given);
      this.uncertain++;
      const resolution = isDone ? { action: 'complete' as const, output: given } : { action: 'retry' as const };
      await engine.engine.tell(id, { kind: 'resolve', path, resolution });
    }
  }

  /** The run that each was begun for. */
  private async roots(): Promise<Map<string, string>> {
    const rows = await this.database.query<{ id: string; root: string }[]>(
      `SELECT id, coalesce(parent_run, id) AS root FROM router.workflow_run`,
    );
    return new Map(rows.map(({ id, root }) => [id, root]));
  }

  private open(): Promise<{ id: string; name: string; state: string }[]> {
    return this.database.query(`SELECT id, name, state FROM router.workflow_run WHERE ended_at IS NULL`);
  }

  private async wedged(engine: EngineProcess, trials: Trial[]): Promise<never> {
    const open = await this.open();
    const events = await engine.store.events(open[0]?.id ?? '');
    const trial = trials.find(({ definition }) => (definition['document'] as JsonObject)['name'] === open[0]?.name);
    await engine.crash();
    throw new Error(`${open.length} do not end: ${JSON.stringify({ open, events, definition: trial?.definition })}`);
  }

  private async rows(ids: string[]): Promise<RunRow[]> {
    const rows = await this.database.query<RunRow[]>(`SELECT * FROM router.workflow_run WHERE id = ANY($1)`, [ids]);
    return ids.map((id) => rows.find((row) => row.id === id) as RunRow);
  }

  private compare({ definition, input, expected, effects }: Trial, row: RunRow, roots: Map<string, string>): void {
    const { error, output, state } = row;
    const actual =
      state === 'faulted'
        ? { type: error?.type, status: error?.status, instance: error?.instance }
        : { output, ...(state === 'completed' ? {} : { state }) };
    const wanted = expected instanceof ReferenceError ? expected.problem : { output: expected };
    const what = JSON.stringify({ definition: definition['do'], input });
    expect({ what, ...actual }).toEqual({ what, ...wanted });
    const lanes: Record<string, Json[]> = {};
    for (const { run, args, times, isSafe } of this.entries.values()) {
      if (roots.get(run) !== row.id) continue;
      (lanes[args['lane'] as string] ??= []).push(args);
      if (!isSafe && times > 1) throw new Error(`Done ${times} times: ${JSON.stringify(args)} of ${what}`);
    }
    expect({ what, lanes }).toEqual({ what, lanes: effects });
  }
}

function answer(args: JsonObject, attempt: number): JsonObject {
  const { fails, status, n, mark } = args;
  return typeof fails === 'number' && attempt <= fails
    ? { status: status as number }
    : { n: n as number, did: mark ?? '' };
}

/** Mulberry32: from 0 to 1, the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
