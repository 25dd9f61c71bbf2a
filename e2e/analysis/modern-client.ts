import { post } from '../mcp/raw-client';

/** An answer to a request over `/mcp`. */
export interface RpcAnswer<R> {
  result?: R;
  error?: { code: number; message: string; data?: { code?: string; hint?: string } };
}

/** Sends one request of 2026-07-28 to `/mcp`, with a key or as nobody in particular. */
export async function modernRequest<R>(
  url: string,
  method: string,
  params: object,
  key?: string,
): Promise<RpcAnswer<R>> {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 'e2e', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: envelope } });
  const { texts } = await post(`${url}/mcp`, body, {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...('name' in params ? { 'mcp-name': String(params.name) } : {}),
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  });
  return JSON.parse(texts.at(-1) ?? '{}') as RpcAnswer<R>;
}
