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
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...('name' in params ? { 'mcp-name': String(params.name) } : {}),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: envelope } }),
  });
  return (await response.json()) as RpcAnswer<R>;
}
