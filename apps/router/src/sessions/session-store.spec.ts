import { SYSTEM_PRINCIPAL, type AppError, type Principal } from '@mcp-router/shared';
import type { EventLog } from './event-log';
import { SessionStore } from './session-store';

const log = { append: () => undefined, drop: () => undefined } as unknown as EventLog;
const other: Principal = { ...SYSTEM_PRINCIPAL, agentId: 'other' };
const client = { version: '2025-06-18', capabilities: '{}', clientInfo: undefined };
const gone = expect.objectContaining({ code: 'session_not_found' }) as AppError;

describe('the sessions of a router', () => {
  let store: SessionStore;
  beforeEach(() => {
    jest.useFakeTimers();
    store = new SessionStore('router-1', log, { maxSessions: 2, idleMs: 60_000 });
  });
  afterEach(() => {
    store.close();
    jest.useRealTimers();
  });
  const open = () => store.create(SYSTEM_PRINCIPAL, undefined, client);

  it('are found by their id, which names the owner, and only by their agent at their endpoint', () => {
    const { id } = open();
    expect(id).toMatch(/^router-1\.[\w-]{22}$/);
    expect(store.get(id, SYSTEM_PRINCIPAL, undefined).id).toBe(id);
    expect(() => store.get(id, other, undefined)).toThrow(gone);
    expect(() => store.get(id, SYSTEM_PRINCIPAL, 'slug')).toThrow(gone);
    expect(() => store.get('router-1.guess', SYSTEM_PRINCIPAL, undefined)).toThrow(gone);
  });

  it('end when they are idle for long, and not while a call is open', () => {
    const ended: string[] = [];
    store.onEnd(({ id }) => ended.push(id));
    const [idle, busy] = [open(), open()];
    busy.calls.set('1', { stream: {} as never, streamName: undefined, cancel: () => undefined });
    jest.advanceTimersByTime(120_000);
    expect(ended).toEqual([idle.id]);
    expect(store.size).toBe(1);
  });

  it('make room by ending the one that is idle longest, and refuse when none is', () => {
    const first = open();
    jest.advanceTimersByTime(10);
    const second = open();
    const third = open();
    expect(() => store.get(first.id, SYSTEM_PRINCIPAL, undefined)).toThrow(gone);
    for (const session of [second, third]) {
      session.calls.set('1', { stream: {} as never, streamName: undefined, cancel: () => undefined });
    }
    expect(open).toThrow(expect.objectContaining({ code: 'limit_exceeded' }) as AppError);
  });
});
