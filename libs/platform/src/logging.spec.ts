import { Writable } from 'node:stream';
import { pino } from 'pino';
import { NestLogger } from './logging';

function logged(say: (logger: NestLogger) => void): Record<string, unknown> {
  let text = '';
  const output = new Writable({
    write: (chunk, _, done) => {
      text += String(chunk);
      done();
    },
  });
  say(new NestLogger(pino(output)));
  return JSON.parse(text) as Record<string, unknown>;
}

it('a failure is logged with its reason and its stack, however it is given', () => {
  const error = new Error('the table is gone');
  for (const given of [error, { err: error, pattern: 'router.getServer' }]) {
    const line = logged((logger) => logger.error(given, 'Bus'));
    expect(line).toMatchObject({
      msg: 'the table is gone',
      from: 'Bus',
      err: { stack: expect.stringContaining('spec') },
    });
  }
});

it('fields beside a failure are logged as such', () => {
  const line = logged((logger) => logger.error({ err: new Error('x'), pattern: 'router.getServer' }, 'Bus'));
  expect(line['pattern']).toBe('router.getServer');
});

it('a text is logged as it is', () => {
  expect(logged((logger) => logger.error('it broke', 'Nest'))).toMatchObject({ msg: 'it broke', from: 'Nest' });
});
