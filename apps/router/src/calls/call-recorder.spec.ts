import { applyFlagOverrides, metrics, type Bus } from '@mcp-router/platform';
import { AppError, SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import { CallRecorder, failureOf, type FinishedCall } from './call-recorder';

it.each([
  ['tool_not_found', true, { decision: 'denied', outcome: 'denied' }],
  ['tool_not_found', false, { decision: 'unknown', outcome: 'error' }],
  ['tool_held', true, { decision: 'held', outcome: 'denied' }],
  ['upstream_timeout', true, { outcome: 'error' }],
  ['cancelled', true, { outcome: 'cancelled' }],
] as const)('a failure %s of something that is there (%s) counts as %j', (code, isThere, expected) => {
  expect(failureOf(new AppError(code, ''), { isThere })).toEqual({ ...expected, errorCode: code });
});

describe('what is measured of calls', () => {
  const recorded: unknown[] = [];
  const recorder = new CallRecorder({
    record: (_: unknown, payload: unknown) => recorded.push(payload),
  } as unknown as Bus);
  const call = (facts: Partial<FinishedCall>): void =>
    recorder.record({
      endpoint: '/mcp',
      method: 'tools/call',
      outcome: 'ok',
      startedAt: performance.now() - 50,
      requestBytes: 10,
      responseBytes: 101,
      principal: SYSTEM_PRINCIPAL,
      ...facts,
    });
  const samplesOf = (name: string) => metrics.read().find((metric) => metric.name === name)?.samples ?? [];

  afterEach(() => applyFlagOverrides({}));

  it('has no series for names that callers make up, whichever way', () => {
    call({ server: 'git', tool: 'git__log' });
    for (let i = 0; i < 1_000; i++) {
      call({ tool: `made-up-${i}`, outcome: 'denied', errorCode: 'tool_not_found' });
      call({ server: 'git', tool: `git__made-up-${i}`, isListed: false, outcome: 'error', errorCode: '-32602' });
      call({ server: `bogus-${i}`, tool: `bogus-${i}__x`, outcome: 'error', errorCode: 'server_not_found' });
      call({ server: 'git', tool: 'git__log', outcome: 'error', errorCode: String(i) });
      call({ server: 'git', tool: 'git__log', method: `made/up/${i}` });
    }
    expect(
      samplesOf('mcp_server_operation_duration_seconds').map(({ labels }) => labels.slice(0, 3).join(' ')),
    ).toEqual([
      'tools/call git git__log',
      'tools/call  other',
      'tools/call git other',
      'tools/call other other',
      'tools/call git git__log',
      'other git git__log',
    ]);
    expect(samplesOf('mcp_router_result_tokens_total')[0]?.value).toBe(2_001 * 26);
  });

  it('keeps the trace that a call was given, and counts what was denied as denied', () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const denied = failureOf(new AppError('tool_not_found', ''), { isThere: true });
    call({ ...denied, server: 'hidden', tool: 'hidden__x', traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    expect(recorded.at(-1)).toMatchObject({ traceId, decision: 'denied', outcome: 'denied' });
    expect(samplesOf('mcp_server_operation_duration_seconds').some(({ labels }) => labels.includes('denied'))).toBe(
      true,
    );
  });

  it('tells the time of the router from that of the server', () => {
    call({ server: 'slow', tool: 'slow__x', upstreamMs: 45 });
    const [sample] = samplesOf('mcp_router_overhead_seconds');
    expect(sample?.labels).toEqual(['slow']);
    expect(sample?.histogram?.sum).toBeGreaterThan(0.004);
    expect(sample?.histogram?.sum).toBeLessThan(0.04);
  });

  it('is nothing while monitoring is switched off, and neither is it logged', () => {
    const before = recorded.length;
    applyFlagOverrides({ MONITORING: false });
    call({ server: 'off', tool: 'off__x' });
    expect(recorded.length).toBe(before);
    expect(samplesOf('mcp_router_request_bytes_total').some(({ labels }) => labels[0] === 'off')).toBe(false);
  });
});
