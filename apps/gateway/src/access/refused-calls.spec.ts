import { metrics } from '@mcp-router/platform';
import { callRecorded, CallRecord, type Principal } from '@mcp-router/shared';
import { RefusedCalls } from './refused-calls';

const principal = (agent: string): Principal => ({
  agentId: `id-of-${agent}`,
  agent,
  role: 'member',
  policy: { allow: ['*'], deny: [] },
});
const call = { endpoint: '/mcp', method: 'tools/call', tool: 'git__log', requestId: 'r', requestBytes: 7 };

it('notes calls that were over the rate as denied, a bounded number a second for each agent', () => {
  const recorded: CallRecord[] = [];
  const bus = { record: (stream: unknown, record: CallRecord) => stream === callRecorded && recorded.push(record) };
  const refused = new RefusedCalls(bus as never);
  const now = Date.parse('2026-11-22T12:00:00Z');
  for (let i = 0; i < 500; i++) refused.note(principal('flood'), call, now + i);
  refused.note(principal('other'), call, now + 500);
  refused.note(principal('flood'), call, now + 1000);
  expect(recorded.map(({ agent }) => agent)).toEqual([...Array.from({ length: 10 }, () => 'flood'), 'other', 'flood']);
  expect(CallRecord.parse(recorded[0])).toMatchObject({
    agent: 'flood',
    tool: 'git__log',
    decision: 'limited',
    outcome: 'denied',
    errorCode: 'rate_limited',
  });
});

it('counts every request that was over the rate', () => {
  const refused = new RefusedCalls({} as never);
  for (let i = 0; i < 30; i++) refused.count(principal('counted'));
  const counted = metrics.read().find(({ name }) => name === 'mcp_router_rate_limited_total');
  expect(counted?.samples.find(({ labels }) => labels[0] === 'counted')?.value).toBe(30);
});
