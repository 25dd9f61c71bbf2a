import { ConfigFault, readClientConfig } from './client-config';

const read = (text: string, file = 'mcp.json') =>
  readClientConfig(text, file).map(({ path, definition }) => [path, definition.url ?? definition.command]);

const cases: Record<string, [string, unknown[], string?]> = {
  'Claude Desktop': ['{"mcpServers":{"a":{"command":"npx","args":["-y","x"]}}}', [['mcpServers.a', 'npx']]],
  'Claude Code': [
    '{"mcpServers":{"a":{"type":"http","url":"https://a.test/mcp"}}}',
    [['mcpServers.a', 'https://a.test/mcp']],
  ],
  'Claude Code by project': [
    '{"projects":{"/home/me":{"mcpServers":{"a":{"command":"x"}}}},"mcpServers":{"b":{"command":"y"}}}',
    [
      ['mcpServers.b', 'y'],
      ['projects./home/me.mcpServers.a', 'x'],
    ],
  ],
  Cursor: [
    '{"mcpServers":{"a":{"url":"https://a.test/sse","headers":{"X":"1"}}}}',
    [['mcpServers.a', 'https://a.test/sse']],
  ],
  'VS Code, with comments and a trailing comma': [
    '{\n// mine\n"inputs":[],"servers":{"a":{"type":"stdio","command":"x",},},}',
    [['servers.a', 'x']],
  ],
  'VS Code settings': ['{"mcp":{"servers":{"a":{"command":"x"}}}}', [['mcp.servers.a', 'x']]],
  Windsurf: ['{"mcpServers":{"a":{"serverUrl":"https://a.test/sse"}}}', [['mcpServers.a', 'https://a.test/sse']]],
  Gemini: ['{"mcpServers":{"a":{"httpUrl":"https://a.test/mcp"}}}', [['mcpServers.a', 'https://a.test/mcp']]],
  Zed: ['{"context_servers":{"a":{"command":{"path":"x","args":["y"]}}}}', [['context_servers.a', 'x']]],
  opencode: [
    '{"mcp":{"a":{"type":"local","command":["x","y"]},"b":{"type":"remote","url":"https://b.test"}}}',
    [
      ['mcp.a', 'x'],
      ['mcp.b', 'https://b.test'],
    ],
  ],
  YAML: ['mcpServers:\n  a:\n    command: x\n', [['mcpServers.a', 'x']], 'mcp.yaml'],
  'a byte order mark and CRLF': ['\uFEFF{\r\n"mcpServers":{"a":{"command":"x"}}\r\n}', [['mcpServers.a', 'x']]],
  'disabled entries, which are left out': [
    '{"mcpServers":{"a":{"command":"x","disabled":true},"b":{"command":"y","enabled":false}}}',
    [],
  ],
  'entries that are none': ['{"mcpServers":{"a":null,"b":[],"c":{},"d":{"command":""}},"servers":7}', []],
  'an empty file': ['', []],
};

it.each(Object.entries(cases))('reads %s', (_title, [text, expected, file]) => {
  expect(read(text, file).sort()).toEqual(expected);
});

it('keeps variables and headers with their values', () => {
  const [entry] = readClientConfig(
    '{"mcpServers":{"a":{"command":"x","env":{"N":1,"B":true,"O":{}},"cwd":"/w"}}}',
    'f',
  );
  expect(entry?.definition).toEqual({ command: 'x', args: [], env: { N: '1', B: 'true' }, cwd: '/w' });
});

it('says where a broken file is broken', () => {
  expect(() => read('{\n  "mcpServers": {\n    "a" 1\n  }\n}')).toThrow(/line 3, column 9/);
  expect(() => read('a: [1', 'x.yml')).toThrow(ConfigFault);
});
