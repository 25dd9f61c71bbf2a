import { join } from 'node:path';

/** The definition of a server that mirrors, or misbehaves as it is told. */
export function mirrorUpstream(env: Record<string, string> = {}): {
  command: string;
  args: string[];
  env: Record<string, string>;
} {
  return { command: process.execPath, args: [join(__dirname, '../fixtures/mirror-upstream.mjs')], env };
}
