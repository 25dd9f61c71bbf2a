import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export type Era = 'old' | 'new' | 'dual';

const FIXTURE = join(__dirname, '../fixtures/conformance-upstream.mjs');

/** How to start the upstream over stdio, as the fields of a server's definition. */
export const stdioUpstream = (era: Era): { command: string; args: string[] } => ({
  command: process.execPath,
  args: [FIXTURE, '--era', era],
});

/** Starts the upstream over Streamable HTTP. */
export async function startHttpUpstream(era: Era): Promise<{ url: string; stop(): Promise<void> }> {
  const { command, args } = stdioUpstream(era);
  const child = spawn(command, [...args, '--transport', 'http'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { url } = JSON.parse(line) as { url: string };
  return {
    url,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
