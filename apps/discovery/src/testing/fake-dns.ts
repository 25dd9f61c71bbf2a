import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode } from 'dns-packet';

/** A name server on a free UDP port of 127.0.0.1 that knows the given records. */
export async function fakeDns(records: Answer[]) {
  const socket = createSocket('udp4');
  const state = { records, isSilent: false, fails: false };
  socket.on('message', (message, { port, address }) => {
    if (state.isSilent) return;
    const { id, questions = [] } = decode(message);
    const [question] = questions;
    const answers = state.records.filter(({ name, type }) => name === question?.name && type === question.type);
    const isKnown = state.records.some(({ name }) => name === question?.name);
    const rcode = state.fails ? 2 : isKnown ? 0 : 3;
    // Recursion desired and available, and the code of the answer.
    const flags = 0x0180 | rcode;
    socket.send(encode({ id: id ?? 0, type: 'response', flags, questions, answers }), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    server: `127.0.0.1:${socket.address().port}`,
    state,
    close: () => new Promise<void>((done) => socket.close(() => done())),
  };
}
