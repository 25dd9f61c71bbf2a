import { z } from 'zod';
import { CommonEnv, readEnv } from './env';

const Env = CommonEnv.extend({ PORT: z.coerce.number().int().describe('where to listen') });

describe('the environment', () => {
  it('names every fault at once, with what the variable is for', () => {
    const read = () => readEnv(Env, { PORT: 'x', LOG_LEVEL: 'loud' });
    expect(read).toThrow(/DATABASE_URL: .*\(Postgres/);
    expect(read).toThrow(/LOG_LEVEL: /);
    expect(read).toThrow(/PORT: .*\(where to listen\)/);
  });

  it('takes an empty variable as an unset one', () => {
    expect(readEnv(Env, { DATABASE_URL: 'postgres://x', PORT: '1', LOG_LEVEL: '' }).LOG_LEVEL).toBe('info');
  });
});
