import { AppError } from '@mcp-router/shared';
import { readMessage } from './message';
import { checkModern, decodeHeader, isModernVersion, paramHeaders } from './modern-rules';

const VERSION = 'io.modelcontextprotocol/protocolVersion';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const meta = { [VERSION]: '2026-07-28', [CAPABILITIES]: {} };
const call = (params: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'é tool', _meta: meta, ...params },
});
const name = `=?base64?${Buffer.from('é tool').toString('base64')}?=`;
const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name };
const check = (message: unknown, given: object) => checkModern(readMessage(message), { ...given });
const refused = (code: string) => expect.objectContaining({ code }) as AppError;

describe('the rules of 2026-07-28 at the door', () => {
  it('takes a request that keeps them all, with space around a header', () => {
    expect(check(call(), { ...headers, 'mcp-method': ' tools/call ' })).toBe('2026-07-28');
  });

  it.each([
    ['a request without an envelope', { jsonrpc: '2.0', id: 1, method: 'ping' }, {}],
    ['an initialize of any kind', { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }, {}],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }, { 'mcp-protocol-version': '2025-11-25' }],
  ])('leaves %s to the old era', (_, message, given) => {
    expect(check(message, given)).toBeUndefined();
  });

  it.each([
    ['a missing version header', call(), { ...headers, 'mcp-protocol-version': undefined }, 'header_mismatch'],
    ['a missing Mcp-Method', call(), { ...headers, 'mcp-method': undefined }, 'header_mismatch'],
    ['a wrong Mcp-Method', call(), { ...headers, 'mcp-method': 'tools/list' }, 'header_mismatch'],
    ['an Mcp-Method in other letters', call(), { ...headers, 'mcp-method': 'Tools/Call' }, 'header_mismatch'],
    ['a missing Mcp-Name', call(), { ...headers, 'mcp-name': undefined }, 'header_mismatch'],
    ['a wrong Mcp-Name', call(), { ...headers, 'mcp-name': 'other' }, 'header_mismatch'],
    ['bad Base64', call(), { ...headers, 'mcp-name': '=?base64?_?=' }, 'header_mismatch'],
    ['another version in the header', call(), { ...headers, 'mcp-protocol-version': '2025-11-25' }, 'header_mismatch'],
    ['no capabilities', call({ _meta: { [VERSION]: '2026-07-28' } }), headers, 'invalid_request'],
    ['a version that is no text', call({ _meta: { ...meta, [VERSION]: 1 } }), headers, 'invalid_request'],
    ['a modern header without an envelope', call({ _meta: {} }), headers, 'invalid_request'],
    [
      'initialize under a modern header',
      { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} },
      headers,
      'header_mismatch',
    ],
    ['a posted response', { jsonrpc: '2.0', id: 1, result: {} }, headers, 'invalid_message'],
  ])('refuses %s', (_, message, given, code) => {
    expect(() => check(message, given)).toThrow(refused(code));
  });

  it('names the versions it speaks when asked for another', () => {
    const other = { ...meta, [VERSION]: '2027-01-01' };
    const asked = () => check(call({ _meta: other }), { ...headers, 'mcp-protocol-version': '2027-01-01' });
    expect(asked).toThrow(refused('unsupported_protocol_version'));
    try {
      asked();
    } catch (error) {
      expect((error as AppError).data).toMatchObject({ requested: '2027-01-01' });
      expect((error as AppError).data?.['supported']).toContain('2026-07-28');
    }
  });

  it.each(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'])(
    'does not know %s any more',
    (method) => {
      const message = { jsonrpc: '2.0', id: 1, method, params: { _meta: meta } };
      expect(() => check(message, { ...headers, 'mcp-method': method })).toThrow(refused('method_not_found'));
    },
  );

  it('reads versions, encoded values and parameter headers', () => {
    expect(['2026-07-28', '2027-01-01', '2025-11-25', 'v999', ''].map(isModernVersion)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(decodeHeader('plain')).toBe('plain');
    expect(decodeHeader('=?base64?w6k=?=')).toBe('é');
    expect(decodeHeader('=?base64?w6k?=')).toBeUndefined();
    expect(decodeHeader('=?base64?/w==?=')).toBeUndefined();
    expect(paramHeaders({ host: 'x', 'mcp-param-a': ' 1 ' })).toEqual({ 'mcp-param-a': '1' });
    expect(paramHeaders({ host: 'x' })).toBeUndefined();
  });
});
