import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Endpoint, ServerDefinition } from '@mcp-router/shared';
import { watch } from 'chokidar';
import { z } from 'zod';
import { type ClientEntry, readClientConfig } from './client-config';
import { placeholdersIn } from './inputs';
import { type Sighting, type Sink, type SourceIo, defineSource } from './source';

/** Where clients keep their servers, below the home folder and in the folder we are started in. */
const KNOWN_FILES = [
  '~/.claude.json',
  '~/.config/Claude/claude_desktop_config.json',
  '~/Library/Application Support/Claude/claude_desktop_config.json',
  '~/AppData/Roaming/Claude/claude_desktop_config.json',
  '~/.cursor/mcp.json',
  '~/.config/Code/User/mcp.json',
  '~/Library/Application Support/Code/User/mcp.json',
  '~/.codeium/windsurf/mcp_config.json',
  '~/.gemini/settings.json',
  '~/.config/zed/settings.json',
  '.mcp.json',
  '.cursor/mcp.json',
  '.vscode/mcp.json',
];

const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Editors write a file in several steps; they are taken together. */
const SETTLE_MS = 100;

/** Configuration files of other MCP clients, watched. A file that is broken, or away for a moment, keeps what it last said. */
export const filesSource = defineSource({
  type: 'files',
  priority: 90,
  everySeconds: 300,
  settings: z.object({
    /** `~` is the home folder; relative paths begin where the service was started. */
    paths: z.array(z.string().min(1).max(4096)).min(1).max(1000).default(KNOWN_FILES),
  }),
  async look({ paths }, io, sink) {
    for (const path of paths) await report(path, io, sink);
  },
  async follow({ paths }, io, sink) {
    const byFile = new Map(paths.map((path) => [absolute(path), path]));
    const watcher = watch([...byFile.keys()], { ignoreInitial: true, atomic: true });
    const failed = once(watcher, 'error', { signal: io.signal }).then(([error]) => Promise.reject(error as Error));
    const timers = new Map<string, NodeJS.Timeout>();
    watcher.on('all', (_event, file) => {
      const path = byFile.get(resolve(file));
      if (path === undefined) return;
      clearTimeout(timers.get(path));
      timers.set(
        path,
        setTimeout(() => {
          report(path, io, sink).catch((error: unknown) => io.warn(`${path}: ${(error as Error).message}`));
        }, SETTLE_MS),
      );
    });
    try {
      await Promise.race([once(watcher, 'ready', { signal: io.signal }), failed]);
      const all = await Promise.all(paths.map((path) => report(path, io, sink)));
      // What stands in files that are not looked at any more is gone; a broken file has said nothing.
      if (all.every((sightings) => sightings !== undefined)) await sink.snapshot(all.flat());
      await failed;
    } finally {
      for (const timer of timers.values()) clearTimeout(timer);
      await watcher.close();
    }
  },
  async definition({ paths }, key, io) {
    const path = paths.find((one) => key.startsWith(`${one}#`));
    const entries = path === undefined ? undefined : await read(path, io);
    return entries?.find((entry) => keyOf(path ?? '', entry) === key)?.definition;
  },
});

async function report(path: string, io: SourceIo, sink: Sink): Promise<Sighting[] | undefined> {
  const entries = await read(path, io);
  const sightings = entries?.map((entry) => sightingOf(path, entry));
  if (sightings) await sink.replace(`${path}#`, sightings);
  return sightings;
}

/** @returns undefined when the file is broken, an empty list when there is none */
async function read(path: string, io: SourceIo): Promise<ClientEntry[] | undefined> {
  try {
    const text = await readFile(absolute(path), { encoding: 'utf8', signal: io.signal });
    if (text.length > MAX_FILE_BYTES) throw new Error('the file is too large');
    return readClientConfig(text, path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    io.warn(`${path} is not read: ${message}; what it said before stays`);
    return undefined;
  }
}

function absolute(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}

const keyOf = (path: string, entry: ClientEntry) => `${path}#${entry.path}`;

function sightingOf(path: string, entry: ClientEntry): Sighting {
  const { name, definition } = entry;
  const inputs = placeholdersIn(definition);
  return {
    key: keyOf(path, entry),
    name,
    endpoint: endpointOf(definition),
    labels: { file: path },
    ...(inputs.length > 0 ? { inputs } : {}),
  };
}

/** Without the values of variables and headers: they are read from the file again when the server is approved. */
function endpointOf({ type, url, headers, command, args, cwd, env }: Partial<ServerDefinition>): Endpoint {
  if (url !== undefined) return { kind: type === 'sse' ? 'sse' : 'http', url, headerNames: Object.keys(headers ?? {}) };
  return {
    kind: 'stdio',
    command: command ?? '',
    args: args ?? [],
    ...(cwd === undefined ? {} : { cwd }),
    envNames: Object.keys(env ?? {}),
  };
}
