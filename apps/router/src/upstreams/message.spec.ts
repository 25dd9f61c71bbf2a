import { parseRpc } from '@mcp-router/shared';
import * as fc from 'fast-check';
import { outcomeOf, restoreId, withOwnId, withProgressToken, withSubscriptionId } from './message';

const id = fc.oneof(fc.integer(), fc.string());
const value = fc.jsonValue({ depthSize: 'small' });

describe('ids in messages', () => {
  it('are replaced in a request, with its progress token, and nothing else changes', () => {
    fc.assert(
      fc.property(
        id,
        fc.option(id, { nil: undefined }),
        value,
        fc.constantFrom(undefined, 2),
        (original, token, extra, space) => {
          const params = { extra, ...(token === undefined ? {} : { _meta: { progressToken: token, extra } }) };
          const message = { jsonrpc: '2.0', method: 'tools/call', id: original, params };
          const { text, token: kept } = withOwnId(parseRpc(JSON.stringify(message, null, space)), '42');
          const expected = JSON.parse(JSON.stringify({ ...message, id: 42 })) as {
            params: { _meta?: { progressToken: unknown } };
          };
          if (expected.params._meta) expected.params._meta.progressToken = 42;
          expect(JSON.parse(text)).toEqual(expected);
          expect(kept === undefined ? undefined : JSON.parse(kept)).toEqual(token);
        },
      ),
    );
  });

  it('replace a progress token whose name is written with escapes', () => {
    const message = parseRpc(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progress\\u0054oken":7}}}',
    );
    const { text, token } = withOwnId(message, '42');
    expect([token, (JSON.parse(text) as { params: unknown }).params]).toEqual(['7', { _meta: { progressToken: 42 } }]);
  });

  it('are restored in a response, in whatever order it is printed', () => {
    fc.assert(
      fc.property(id, value, fc.boolean(), fc.constantFrom(undefined, '\t'), (caller, result, first, space) => {
        const message = first ? { jsonrpc: '2.0', id: 42, result } : { result, jsonrpc: '2.0', id: 42 };
        const text = restoreId(JSON.stringify(message, null, space), '42', JSON.stringify(caller));
        expect(JSON.parse(text)).toEqual({
          jsonrpc: '2.0',
          id: caller,
          result: JSON.parse(JSON.stringify(result)) as unknown,
        });
      }),
    );
  });

  it('inside a result are left alone', () => {
    const text = '{"result":{"id":42,"jsonrpc":"2.0"},"jsonrpc":"2.0","id":42}';
    expect(restoreId(text, '42', '"a"')).toBe('{"result":{"id":42,"jsonrpc":"2.0"},"jsonrpc":"2.0","id":"a"}');
  });

  it('of progress and subscriptions are the caller’s again', () => {
    const progress = parseRpc(
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":42,"progress":0.50}}',
    );
    expect(withProgressToken(progress, '"mine"').text).toBe(
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":0.50}}',
    );
    const key = 'io.modelcontextprotocol/subscriptionId';
    const ended = parseRpc(`{"jsonrpc":"2.0","id":1,"result":{"_meta":{"${key}":"s1"}}}`);
    expect(withSubscriptionId(ended, '7').text).toBe(`{"jsonrpc":"2.0","id":1,"result":{"_meta":{"${key}":7}}}`);
  });

  it('an outcome is the text of the result, or the error', () => {
    expect(outcomeOf('{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}')).toEqual({ result: '{"n":1.0}' });
    expect(outcomeOf('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}')).toEqual({
      error: { code: -1, message: 'no' },
    });
  });
});
