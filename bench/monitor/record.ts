import { Metrics } from '@mcp-router/platform';
import { Histogram, Registry } from 'prom-client';
import { median, type Row } from './row';

const RECORDS = 400_000;
const ROUNDS = 15;
const TOOLS = 40;
const LABELS = ['mcp_method_name', 'server', 'gen_ai_tool_name', 'agent', 'error_type'];

/**
 * One sample of a call's duration, recorded by us and by prom-client, rounds in turn: with the label values looked up at
 * each sample, as a call does it, and on a series that is held.
 */
export function measureRecording(): Row[] {
  const own = new Metrics().histogram('own_seconds', 'Own', LABELS);
  const theirs = new Histogram({
    name: 'their_seconds',
    help: 'Theirs',
    labelNames: LABELS,
    registers: [new Registry()],
  });
  const values = Float64Array.from({ length: 4096 }, () => Math.exp(Math.random() * 8 - 8));
  const tools = Array.from({ length: TOOLS }, (_, i) => `server${i % 8}__tool_${i}`);
  const heldOwn = own.with('tools/call', 'server0', 'held', 'admin', '');
  const heldTheirs = theirs.labels('tools/call', 'server0', 'held', 'admin', '');
  const at = (list: ArrayLike<number>, i: number): number => list[i & 4095] ?? 0;
  const tool = (i: number): string => tools[i % TOOLS] ?? '';
  const ways: Record<string, (i: number) => void> = {
    'own, labelled': (i) => own.with('tools/call', 'server0', tool(i), 'admin', '').record(at(values, i)),
    'prom-client, labelled': (i) =>
      theirs.observe(
        { mcp_method_name: 'tools/call', server: 'server0', gen_ai_tool_name: tool(i), agent: 'admin', error_type: '' },
        at(values, i),
      ),
    'own, held': (i) => heldOwn.record(at(values, i)),
    'prom-client, held': (i) => heldTheirs.observe(at(values, i)),
  };
  const seen: Record<string, number[]> = {};
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, record] of Object.entries(ways)) (seen[name] ??= []).push(nanosecondsOf(record));
  // The first rounds compile.
  const of = (name: string): number => median(seen[name]?.slice(3) ?? []);
  const row = (what: string, name: string, atMost?: number): Row => ({
    what,
    value: of(name),
    unit: 'ns',
    ...(atMost === undefined ? {} : { atMost }),
  });
  return [
    row('record: one sample, labels looked up', 'own, labelled', 150),
    row('record: prom-client, labels looked up', 'prom-client, labelled'),
    { what: 'record: ours / theirs', value: of('own, labelled') / of('prom-client, labelled'), unit: '×', atMost: 0.5 },
    row('record: one sample, series held', 'own, held', 150),
    row('record: prom-client, series held', 'prom-client, held'),
    { what: 'record: ours / theirs, held', value: of('own, held') / of('prom-client, held'), unit: '×', atMost: 0.5 },
  ];
}

function nanosecondsOf(record: (i: number) => void): number {
  const startedAt = process.hrtime.bigint();
  for (let i = 0; i < RECORDS; i++) record(i);
  return Number(process.hrtime.bigint() - startedAt) / RECORDS;
}
