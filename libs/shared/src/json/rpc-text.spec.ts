import { AppError } from '../errors';
import { parseRpc } from './rpc-text';

describe('a JSON-RPC message as text', () => {
  it.each([
    ['request', '{"jsonrpc":"2.0","id":"a","method":"ping"}'],
    ['notification', '{"method":"notifications/x","jsonrpc":"2.0"}'],
    ['response', '{"jsonrpc":"2.0","id":1,"result":{}}'],
    ['response', '{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}'],
  ])('tells a %s', (kind, text) => {
    expect(parseRpc(text).kind).toBe(kind);
  });

  it('keeps the id as it was written', () => {
    expect(parseRpc('{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}').id).toBe('9007199254740993');
  });

  it.each([
    ['malformed_json', '{"jsonrpc":'],
    ['invalid_message', '[]'],
    ['invalid_message', '"x"'],
    ['invalid_message', '{"id":1,"method":"x"}'],
    ['invalid_message', '{"jsonrpc":"2.0","id":null,"method":"x"}'],
    ['invalid_message', '{"jsonrpc":"2.0","id":1,"method":"x","params":3}'],
    ['invalid_message', '{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}'],
    ['invalid_message', '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}'],
    ['invalid_message', '{"jsonrpc":"2.0","id":1}'],
  ])('answers %s to %s', (code, text) => {
    expect(() => parseRpc(text)).toThrow(expect.objectContaining({ code }) as AppError);
  });
});
