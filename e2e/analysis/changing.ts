import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ToolText {
  name: string;
  description: string;
  inputSchema?: object;
}

/** A server whose tools change when they are written anew. */
export interface ChangingServer {
  definition: { command: string; args: string[] };
  write(tools: ToolText[]): void;
  remove(): void;
}

export function changingServer(tools: ToolText[]): ChangingServer {
  const folder = mkdtempSync(join(tmpdir(), 'changing-'));
  const file = join(folder, 'tools.json');
  const write = (next: ToolText[]) =>
    writeFileSync(file, JSON.stringify(next.map((tool) => ({ inputSchema: { type: 'object' }, ...tool }))));
  write(tools);
  return {
    definition: { command: process.execPath, args: [join(__dirname, '../fixtures/changing-upstream.mjs'), file] },
    write,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
