import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, JsonObject } from '../definition/json';
import type { RunEvent } from './event';
import { MemoryRun } from './testing/memory-run';

/** A run as some version of the router wrote it: its document, and the rows of its events. */
interface History {
  definition: JsonObject;
  input: Json;
  events: RunEvent[];
}

const FOLDER = join(__dirname, 'histories');
const histories = readdirSync(FOLDER).map((file): [string, History] => [
  file,
  JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as History,
]);
const withoutTime = ({ at: _at, ...event }: RunEvent) => event;

describe('a history that an earlier version wrote', () => {
  function continued({ definition, input, events }: History, known: number): MemoryRun {
    const ends = new Map<string, Json>();
    for (const event of events) if (event.type === 'effect.completed') ends.set(event.path, event.data.output);
    const run = new MemoryRun(definition, {
      input,
      perform: (effect) => {
        const mark = effect.kind === 'call' ? effect.args['mark'] : undefined;
        const begun = events.find((event) => event.type === 'effect.scheduled' && (event.data.input as JsonObject)['mark'] === mark && ends.has(event.path)); // prettier-ignore
        return begun && 'path' in begun ? (ends.get(begun.path) ?? null) : null;
      },
    });
    run.events.push(...structuredClone(events.slice(0, known)));
    return run;
  }

  it.each(histories)('%s comes to the same end, and nothing is done for it', async (_, history) => {
    const last = history.events.at(-1) as RunEvent;
    const run = continued(history, history.events.length - 1);
    await run.finish();
    expect(run.effects).toEqual([]);
    expect(run.events.slice(0, -1)).toEqual(history.events.slice(0, -1));
    expect(withoutTime(run.events.at(-1) as RunEvent)).toEqual(withoutTime(last));
  });

  it.each(histories)('%s comes to the same end from every point of it', async (_, history) => {
    const last = history.events.at(-1) as RunEvent;
    const isFaulty = history.events.some(({ type }) => type === 'effect.faulted');
    for (let known = isFaulty ? history.events.length - 3 : 1; known < history.events.length; known++) {
      const run = continued(history, known);
      await run.finish();
      const { seq: _seq, ...end } = withoutTime(run.events.at(-1) as RunEvent);
      expect({ known, end }).toMatchObject({
        known,
        end: { type: last.type, ...('data' in last ? { data: last.data } : {}) },
      });
    }
  });
});
