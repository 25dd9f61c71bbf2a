import type { CallRecord } from '@mcp-router/shared';
import { begun, exportOf, type ExportFormat } from './calls-export';

const call = (fields: Partial<CallRecord> = {}): CallRecord => ({
  id: '1',
  at: '2026-11-22T12:00:00.000Z',
  requestId: 'r',
  agentId: 'a',
  agent: 'ann',
  endpoint: '/mcp',
  method: 'tools/call',
  decision: 'allowed',
  outcome: 'ok',
  durationMs: 1.5,
  requestBytes: 1,
  responseBytes: 2,
  ...fields,
});

async function exported(format: ExportFormat, ...pages: CallRecord[][]): Promise<string> {
  async function* read() {
    for (const page of pages) yield await Promise.resolve(page);
  }
  let text = '';
  for await (const part of exportOf(read(), format)) text += part;
  return text;
}

it.each([[[]], [[call()]], [[call(), call({ tool: 'a\n"b"' })], [call()]]])(
  'writes JSON, as lines and as one array, that reads back as the calls: %#',
  async (...pages: CallRecord[][]) => {
    const lines = (await exported('jsonl', ...pages)).split('\n').filter(Boolean);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(pages.flat());
    expect(JSON.parse(await exported('json', ...pages))).toEqual(pages.flat());
  },
);

it('names the columns once, and quotes what CSV would read otherwise', async () => {
  const [header, ...rows] = (await exported('csv', [call({ agent: 'a,"b"' })], [call()])).split('\r\n');
  expect(header?.split(',').slice(0, 3)).toEqual(['id', 'at', 'requestId']);
  expect(rows).toEqual([
    '1,2026-11-22T12:00:00.000Z,r,,a,"a,""b""",,/mcp,tools/call,,,,allowed,ok,,1.5,,1,2',
    '1,2026-11-22T12:00:00.000Z,r,,a,ann,,/mcp,tools/call,,,,allowed,ok,,1.5,,1,2',
    '',
  ]);
});

it('does not let a name become a formula', async () => {
  expect(await exported('csv', [call({ agent: '=1+1' })])).toContain(",'=1+1,");
});

it('is refused before it begins, not cut off, when its first page cannot be read', async () => {
  async function* refused(): AsyncGenerator<CallRecord[], void> {
    yield await Promise.reject(new Error('refused'));
  }
  await expect(begun(refused())).rejects.toThrow('refused');
});

it('gives every page once, the first too', async () => {
  async function* numbered(count: number): AsyncGenerator<number, void> {
    for (let i = 0; i < count; i++) yield await Promise.resolve(i);
  }
  for (const count of [0, 1, 3]) {
    const seen: number[] = [];
    for await (const page of await begun(numbered(count))) seen.push(page);
    expect(seen).toEqual([...Array(count).keys()]);
  }
});
