import type { CallRecord } from '@mcp-router/shared';
import { linesOf } from './calls-export';

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

it('writes lines of JSON that read back as the calls', () => {
  const calls = [call(), call({ tool: 'a\n"b"' })];
  const text = [...linesOf(calls, 'jsonl', true)].join('');
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(calls);
});

it('names the columns once, and quotes what CSV would read otherwise', () => {
  const [header, ...rows] = [...linesOf([call({ agent: 'a,"b"' })], 'csv', true)];
  expect(header?.split(',').slice(0, 3)).toEqual(['id', 'at', 'requestId']);
  expect(rows).toEqual(['1,2026-11-22T12:00:00.000Z,r,,a,"a,""b""",,/mcp,tools/call,,,,allowed,ok,,1.5,,1,2\r\n']);
  expect([...linesOf([call()], 'csv', false)]).toHaveLength(1);
});

it('does not let a name become a formula', () => {
  expect([...linesOf([call({ agent: '=1+1' })], 'csv', false)][0]).toContain(",'=1+1,");
});
