import { traceparentOf } from './edge-trace';

const ours = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const proxys = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
const call = (meta: object) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x', _meta: meta } });

describe('the trace of a request', () => {
  it.each([
    ['what the client wrote, before a header', call({ traceparent: ours }), proxys, ours],
    ['the header where the client wrote none', call({}), proxys, proxys],
    ['the header where there is no body', undefined, proxys, proxys],
    ['the header where what the client wrote is no trace', call({ traceparent: 'x' }), proxys, proxys],
    ['none where neither is one', call({ traceparent: 7 }), `00-${'0'.repeat(32)}-${'d'.repeat(16)}-01`, undefined],
    ['none where an argument only looks like one', call({ more: { traceparent: ours } }), undefined, undefined],
    ['none where there is nothing', call({}), undefined, undefined],
  ])('is %s', (_, body, header, expected) => expect(traceparentOf(body, header)).toBe(expected));
});
