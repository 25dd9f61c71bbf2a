import { readConfig, slugOf, type ConfigReading } from './config-entries';

const FILE = '/home/me/project/mcp-router.json';
const ENVIRONMENT = { TOKEN: 'secret', EMPTY: '', HOME: '/home/me', MCPR_INPUT_API_KEY: 'from-environment' };

function read(text: string, file = FILE): ConfigReading {
  const reading = readConfig(file, text, ENVIRONMENT);
  if ('message' in reading) throw new Error(`${reading.line ?? 0}:${reading.column ?? 0} ${reading.message}`);
  return reading;
}
const definitionOf = (text: string, file?: string) => read(text, file).entries[0]?.definition;

describe('a configuration file', () => {
  it('is read as Claude Desktop writes it', () => {
    const text = '{"mcpServers":{"fs":{"command":"npx","args":["-y","server",8080],"env":{"A":"1","PORT":99}}}}';
    expect(definitionOf(text)).toEqual({
      command: 'npx',
      args: ['-y', 'server', '8080'],
      env: { A: '1', PORT: '99' },
      cwd: '/home/me/project',
    });
  });

  it('is read as Claude Code writes it, with types, headers, variables and defaults', () => {
    const text = `{"mcpServers":{"api":{"type":"http","url":"\${BASE:-https://example.com}/mcp","headers":{"Authorization":"Bearer \${TOKEN}"}}}}`;
    expect(definitionOf(text)).toEqual({
      type: 'http',
      url: 'https://example.com/mcp',
      headers: { Authorization: 'Bearer secret' },
    });
  });

  it('has no server under the name of the card of /mcp', () => {
    const { entries, faults } = read('{"mcpServers":{"Server Card":{"command":"x"},"b":{"command":"x"}}}');
    expect(entries.map(({ slug }) => slug)).toEqual(['b']);
    expect(faults).toEqual([expect.objectContaining({ slug: 'server-card' })]);
  });

  it('is read as Cursor writes it', () => {
    const text = '{"mcpServers":{"a":{"url":"http://localhost:1/sse","headers":{"K":"${env:TOKEN}"}}}}';
    expect(definitionOf(text)).toEqual({ url: 'http://localhost:1/sse', headers: { K: 'secret' } });
  });

  it('is read as VS Code writes it: comments, trailing commas, a byte-order mark, CRLF, inputs and places', () => {
    const text = [
      '\uFEFF{',
      '  // what is asked for',
      '  "inputs": [{ "type": "promptString", "id": "api-key", "password": true }, { "id": "region", "default": "eu" },],',
      '  /* the servers */',
      '  "servers": {',
      '    "Perplexity": {',
      '      "type": "stdio", "command": "${workspaceFolder}/run",',
      '      "env": { "KEY": "${input:api-key}", "REGION": "${input:region}", "AT": "${userHome}", "NOT": null },',
      '    },',
      '  },',
      '}',
    ].join('\r\n');
    expect(read(text).entries).toEqual([
      {
        slug: 'perplexity',
        name: 'Perplexity',
        definition: {
          type: 'stdio',
          command: '/home/me/project/run',
          cwd: '/home/me/project',
          env: { KEY: 'from-environment', REGION: 'eu', AT: '/home/me' },
        },
      },
    ]);
  });

  it.each([
    ['Windsurf', '{"mcpServers":{"a":{"serverUrl":"https://x.example/mcp"}}}', { url: 'https://x.example/mcp' }],
    [
      'Gemini CLI',
      '{"mcpServers":{"a":{"httpUrl":"https://x.example/mcp","timeout":5}}}',
      { url: 'https://x.example/mcp' },
    ],
    ['Cline', '{"mcpServers":{"a":{"url":"https://x.example","disabled":true,"autoApprove":[]}}}', { enabled: false }],
    ['VS Code settings', '{"mcp":{"servers":{"a":{"type":"sse","url":"https://x.example/sse"}}}}', { type: 'sse' }],
    ['streamable-http', '{"mcpServers":{"a":{"type":"streamable-http","url":"https://x.example"}}}', { type: 'http' }],
  ])('is read as %s writes it', (_, text, part) => {
    expect(definitionOf(text)).toMatchObject(part);
  });

  it('is read as YAML', () => {
    const text = 'mcpServers:\n  a:\n    command: node\n    args: [server.js]\n    x-router: { isolation: agent }\n';
    expect(definitionOf(text, '/etc/mcp-router.yaml')).toMatchObject({
      args: ['server.js'],
      isolation: 'agent',
      cwd: '/etc',
    });
  });

  it('takes what is ours from x-router, for the file and for each server', () => {
    const text = `{
      "x-router": { "defaults": { "callTimeoutMs": 5000, "isolation": "session" } },
      "mcpServers": { "a": { "command": "a" }, "b": { "command": "b", "x-router": { "isolation": "shared" } } }
    }`;
    expect(read(text).entries.map(({ definition }) => [definition.callTimeoutMs, definition.isolation])).toEqual([
      [5000, 'session'],
      [5000, 'shared'],
    ]);
  });

  it('fills in the variables of credentials', () => {
    const oauth = '{"grant":"client_credentials","clientId":"router","clientSecret":"${TOKEN}"}';
    const text = `{"mcpServers":{"a":{"url":"https://a.example/mcp","x-router":{"oauth":${oauth}}}}}`;
    expect(definitionOf(text)?.oauth).toEqual({
      grant: 'client_credentials',
      clientId: 'router',
      clientSecret: 'secret',
    });
  });

  it.each([
    ['{\n  "mcpServers": {\n    "a": { "command": }\n  }\n}', FILE, 3, 23],
    ['{"mcpServers": {', FILE, 1, 17],
    ['', FILE, 1, 1],
    ['mcpServers:\n  a: [1,\n', '/x/a.yml', 3, 1],
  ])('that is broken is refused with line and column', (text, file, line, column) => {
    expect(readConfig(file, text, {})).toMatchObject({ file, line, column });
  });

  it.each([
    ['both command and url', '{\n"mcpServers":{\n "a":{"command":"x",\n  "url":"https://x.example"}}}', 4, 'not both'],
    ['neither', '{\n"mcpServers":{\n "a":{}}}', 3, 'give "command"'],
    ['a variable that is not set', '{\n"mcpServers":{\n "a":{"command":"${NOPE}"}}}', 3, 'NOPE is not set'],
    ['an input without a value', '{\n"mcpServers":{\n "a":{"command":"${input:x y}"}}}', 3, 'MCPR_INPUT_X_Y'],
    ['a wrong type', '{\n"mcpServers":{\n "a":{"command":\n 7}}}', 4, 'command'],
    [
      'an unknown field of ours',
      '{\n"mcpServers":{\n "a":{"command":"x","x-router":\n{"isolated":true}}}}',
      4,
      'isolated',
    ],
    ['a type that is none', '{\n"mcpServers":{\n "a":{"command":"x","type":"carrier-pigeon"}}}', 3, 'type'],
  ])('loses only the server that has %s, and says where', (_, text, line, message) => {
    const reading = read(text.replace('"mcpServers":{', '"mcpServers":{"good":{"command":"g"},'));
    expect(reading.entries.map(({ slug }) => slug)).toEqual(['good']);
    expect(reading.faults[0]).toMatchObject({ line, slug: 'a', message: expect.stringContaining(message) as string });
  });

  it('does not take two servers whose names come out the same', () => {
    const reading = read('{"mcpServers":{"My Server":{"command":"a"},"my_server":{"command":"b"}}}');
    expect(reading.entries).toHaveLength(1);
    expect(reading.faults[0]?.message).toContain('my-server');
  });

  it('gives every name a slug that is always the same', () => {
    expect(slugOf('GitHub')).toBe('github');
    expect(slugOf('My (Own) Server_2')).toBe('my-own-server-2');
    expect(slugOf('天気')).toMatch(/^server-[0-9a-f]{8}$/);
    expect(slugOf('a'.repeat(60))).toMatch(/^a{23}-[0-9a-f]{8}$/);
    for (const name of ['-x-', 'A'.repeat(32), `${'b'.repeat(22)} ${'c'.repeat(20)}`, ''])
      expect(slugOf(name)).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/);
  });
});
