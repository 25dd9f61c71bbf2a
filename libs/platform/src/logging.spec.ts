import { Logger } from '@nestjs/common';
import { pino } from 'pino';
import { NestLogger } from './logging';

describe("Nest's logger", () => {
  const lines: Record<string, unknown>[] = [];
  const out = pino({ level: 'debug', base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  beforeAll(() => Logger.overrideLogger(new NestLogger(out)));
  afterAll(() => Logger.overrideLogger(true));
  beforeEach(() => void lines.splice(0));
  const logger = new Logger('Bus');

  it('writes the fields of an object, and the message of the error among them', () => {
    logger.error({ err: new Error('it broke'), pattern: 'router.x' });
    expect(lines).toMatchObject([{ msg: 'it broke', pattern: 'router.x', from: 'Bus', err: { message: 'it broke' } }]);
  });

  it('writes an error under the text that it is given, else under its own', () => {
    logger.warn(new Error('inside'), 'A frame could not be read');
    logger.error(new Error('alone'));
    expect(lines).toMatchObject([
      { msg: 'A frame could not be read', err: { message: 'inside' } },
      { msg: 'alone', err: { message: 'alone' } },
    ]);
  });

  it('writes a text as it is', () => {
    logger.log('Redis is back');
    expect(lines).toMatchObject([{ msg: 'Redis is back', from: 'Bus' }]);
  });
});
