import type { RedisLink } from './link';
import { CHUNK_BYTES, Transfers } from './transfers';

/** Two processes whose messages are handed over at once; `lose` says which chunk never arrives. */
function setup(lose: (chunk: number) => boolean = () => false) {
  const taken: string[] = [];
  const ends: { text: (frame: string) => void; bytes: (frame: Buffer) => void; down: () => void }[] = [];
  const outcome: string[] = [];
  const link = (name: string, other: number): RedisLink => {
    const end = { text: (_: string) => undefined, bytes: (_: Buffer) => undefined, down: () => undefined };
    ends.push(end);
    const fake = {
      address: name,
      on: (_: string, take: typeof end.text) => (end.text = take),
      onBinary: (_: string, take: typeof end.bytes) => (end.bytes = take),
      onDown: (handler: typeof end.down) => (end.down = handler),
      send: (_: string, frame: string) => ends[other]?.text(frame),
      sendBinary: (_: string, frame: Buffer) => {
        if (!lose(Number(frame.toString().split(' ')[1]))) ends[other]?.bytes(frame);
      },
      take: (frame: string) => taken.push(frame),
    };
    return fake as unknown as RedisLink;
  };
  const sender = new Transfers(link('sender', 1));
  const receiver = new Transfers(link('receiver', 0));
  const receipt = {
    delivered: () => outcome.push('delivered'),
    undelivered: () => outcome.push('undelivered'),
    failed: () => outcome.push('failed'),
  };
  const close = () => {
    sender.stop();
    receiver.stop();
  };
  return { sender, receiver, taken, outcome, receipt, close, sendersEnd: () => ends[0] };
}

// Characters of two bytes at odd places: chunks cut through them.
const frame = 'Z1 x' + 'ä'.repeat(2 * CHUNK_BYTES);

it('puts a frame together again, also where a chunk ends within a character', () => {
  const { sender, taken, outcome, receipt, close } = setup();
  sender.send('channel', frame, 'subject', 'back', receipt);
  expect(taken[0] === frame).toBe(true);
  expect(outcome).toEqual(['delivered']);
  close();
});

it('tells the sender when a chunk was lost, and hands over nothing', () => {
  for (const lost of [0, 1, 2]) {
    const { sender, receiver, taken, outcome, receipt, close } = setup((chunk) => chunk === lost);
    sender.send('channel', frame, 'subject', 'back', receipt);
    expect(outcome).toEqual(['failed']);
    expect(taken).toEqual([]);
    expect(receiver.isComing('subject')).toBe(false);
    close();
  }
});

it('keeps what is coming apart from what is not wanted any more', () => {
  const { sender, receiver, taken, outcome, receipt, close } = setup((chunk) => chunk > 1);
  sender.send('channel', frame, 'subject', 'back', receipt);
  expect(receiver.isComing('subject')).toBe(true);
  receiver.refuse('subject');
  expect(receiver.isComing('subject')).toBe(false);
  expect(outcome).toEqual(['failed']);
  expect(taken).toEqual([]);
  close();
});

it('fails what is under way when the connection breaks', () => {
  const { sender, outcome, receipt, close, sendersEnd } = setup((chunk) => chunk > 1);
  sender.send('channel', frame, 'subject', 'back', receipt);
  sendersEnd()?.down();
  expect(outcome).toEqual(['failed']);
  close();
});
