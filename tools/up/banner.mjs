// What `npm start` prints when all is up.

/** The table of servers, one line each. */
export function serverTable(servers) {
  if (servers.length === 0) return '  no servers yet: add one to mcp-router.json, or POST /api/v1/servers';
  const width = Math.max(...servers.map(({ slug }) => slug.length), 'server'.length);
  const row = (slug, state, tools, note) =>
    `  ${slug.padEnd(width)}  ${state.padEnd(12)} ${tools.padStart(5)}  ${note}`.trimEnd();
  return [
    row('server', 'state', 'tools', ''),
    ...servers.map(({ slug, state, tools, lastError }) => row(slug, state, String(tools ?? '-'), firstLine(lastError))),
  ].join('\n');
}

const firstLine = (text) => (text ? String(text).split('\n')[0].slice(0, 80) : '');

/**
 * Addresses and entries to paste.
 *
 * @param base  the gateway's URL without a trailing slash
 * @param key   the admin key when it is known: just made, or given by ADMIN_KEY
 */
export function welcome({ base, key, keyIsNew }) {
  const shown = key ?? '<your key>';
  const entry = (extra) =>
    JSON.stringify({ ...extra, url: `${base}/mcp`, headers: { Authorization: `Bearer ${shown}` } });
  return `
  MCP    ${base}/mcp
  REST   ${base}/api/v1
  Docs   ${base}/docs
${keyLine(key, keyIsNew)}
Connect a client:
  Claude   claude mcp add --transport http router ${base}/mcp --header "Authorization: Bearer ${shown}"
  Cursor   .cursor/mcp.json   {"mcpServers":{"router":${entry({})}}}
  VS Code  .vscode/mcp.json   {"servers":{"router":${entry({ type: 'http' })}}}
Or try it by hand:
  curl -s ${base}/api/v1/tools -H "Authorization: Bearer ${shown}"
`;
}

function keyLine(key, keyIsNew) {
  if (keyIsNew) return `  Key    ${key}   (the admin key: it is shown this once, so keep it)\n`;
  if (key) return '  Key    the one in ADMIN_KEY\n';
  return '  Key    as shown at the first start (ADMIN_KEY=… npm start sets another)\n';
}
