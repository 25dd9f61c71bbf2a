import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join } from 'node:path';
import { RouterOptions, ServerDefinition, Slug } from '@mcp-router/shared';
import { z } from 'zod';
import { isFault, readConfigText, type ConfigDocument, type ConfigFault } from './config-text';
import { expand, inputVariable, UnknownVariable, type Variables } from './variables';

export interface ConfigEntry {
  slug: string;
  /** As the file calls it. */
  name: string;
  definition: ServerDefinition;
}

export interface ConfigReading {
  entries: ConfigEntry[];
  /** A fault of one entry; the others are fine. */
  faults: (ConfigFault & { slug?: string })[];
}

const Text = z.coerce.string().max(32_768);

/** What the clients write for one server, by all their names for the same thing; fields of others are let be. */
const Entry = z.looseObject({
  type: z.string().optional(),
  transport: z.string().optional(),
  command: z.string().optional(),
  args: z.array(Text).optional(),
  env: z.record(z.string(), Text.nullable()).optional(),
  cwd: z.string().optional(),
  /** Claude Desktop, Claude Code, Cursor, VS Code. */
  url: z.string().optional(),
  /** Windsurf. */
  serverUrl: z.string().optional(),
  /** Gemini CLI, for Streamable HTTP. */
  httpUrl: z.string().optional(),
  headers: z.record(z.string(), Text).optional(),
  description: z.string().optional(),
  disabled: z.boolean().optional(),
  enabled: z.boolean().optional(),
  'x-router': RouterOptions.optional(),
});
type Entry = z.infer<typeof Entry>;

const Input = z.looseObject({ id: z.string(), default: z.string().optional() });
const FileOptions = z.strictObject({ defaults: RouterOptions.optional() });
const Entries = z.record(z.string(), z.unknown());

/** Under which of its names a file keeps its servers: most clients, VS Code's `mcp.json`, VS Code's settings. */
const PLACES = [['mcpServers'], ['servers'], ['mcp', 'servers']];

/**
 * Reads a configuration file of any of the known clients.
 *
 * @returns the entries and what is wrong with others, or the one fault because of which nothing can be read
 */
export function readConfig(
  file: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
): ConfigReading | ConfigFault {
  const document = readConfigText(file, text);
  if (isFault(document)) return document;
  const root = document.value;
  if (root === null || root === undefined) return { entries: [], faults: [] };
  const fault = (path: readonly string[], message: string): ConfigFault => ({
    file,
    ...locate(document, path),
    message,
  });
  if (typeof root !== 'object' || Array.isArray(root)) return fault([], 'An object with "mcpServers" is expected');
  const options = FileOptions.optional().safeParse((root as Record<string, unknown>)['x-router']);
  if (!options.success) return fault(['x-router'], `x-router: ${z.prettifyError(options.error)}`);
  const variables: Variables = { environment, inputs: inputsOf(root, environment), folder: dirname(file) };
  const reading: ConfigReading = { entries: [], faults: [] };
  for (const place of PLACES) {
    const found = valueAt(root, place);
    if (found === undefined) continue;
    const servers = Entries.safeParse(found);
    if (!servers.success) return fault(place, `"${place.join('.')}" must be an object of servers`);
    for (const [name, value] of Object.entries(servers.data)) {
      const slug = slugOf(name);
      const path = [...place, name];
      const bad = (at: readonly string[], message: string): void => {
        reading.faults.push({ ...fault([...path, ...at], `${name}: ${message}`), slug });
      };
      const named = Slug.safeParse(slug);
      if (!named.success) {
        bad([], named.error.issues.map(({ message }) => message).join('; '));
        continue;
      }
      if (reading.entries.some((entry) => entry.slug === slug)) {
        bad([], `another server of this file is called "${slug}" too`);
        continue;
      }
      const entry = Entry.safeParse(value);
      if (!entry.success) for (const issue of entry.error.issues) bad(issue.path.map(String), issueText(issue));
      else {
        try {
          const definition = ServerDefinition.safeParse(
            toDefinition(entry.data, options.data?.defaults ?? {}, variables),
          );
          if (definition.success) reading.entries.push({ slug, name, definition: definition.data });
          else for (const issue of definition.error.issues) bad(issue.path.map(String), issueText(issue));
        } catch (error) {
          if (!(error instanceof UnknownVariable)) throw error;
          bad([], error.message);
        }
      }
    }
  }
  return reading;
}

/** A name of a file as a slug; the same name always gives the same one. */
export function slugOf(name: string): string {
  const clean = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (clean.length > 0 && clean.length <= 32) return clean;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return clean === '' ? `server-${hash}` : `${clean.slice(0, 23).replace(/-+$/, '')}-${hash}`;
}

function toDefinition(entry: Entry, defaults: RouterOptions, variables: Variables): Record<string, unknown> {
  const filled = (text: string): string => expand(text, variables);
  const map = (values: Record<string, string | null>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [[key, filled(value)]])),
    );
  const { command, args, env, cwd, headers, description } = entry;
  const oauth = entry['x-router']?.oauth;
  const url = entry.httpUrl ?? entry.url ?? entry.serverUrl;
  const { folder } = variables;
  const at = cwd === undefined ? folder : filled(cwd);
  return {
    ...defaults,
    ...entry['x-router'],
    ...(oauth && { oauth: map(oauth as Record<string, string>) }),
    ...typeOf(entry),
    ...(command !== undefined && { command: filled(command), cwd: isAbsolute(at) ? at : join(folder, at) }),
    ...(args && { args: args.map(filled) }),
    ...(env && { env: map(env) }),
    ...(url !== undefined && { url: filled(url) }),
    ...(headers && { headers: map(headers) }),
    ...(description !== undefined && { description }),
    ...((entry.disabled ?? entry.enabled) !== undefined && { enabled: entry.enabled ?? entry.disabled !== true }),
  };
}

const TYPES: Record<string, string> = {
  stdio: 'stdio',
  http: 'http',
  'streamable-http': 'http',
  streamablehttp: 'http',
  streamable_http: 'http',
  sse: 'sse',
};

function typeOf({ type, transport }: Entry): { type?: string } {
  const said = type ?? transport;
  return said === undefined ? {} : { type: TYPES[said.toLowerCase()] ?? said };
}

function inputsOf(
  root: object,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const inputs = z.array(Input).safeParse((root as Record<string, unknown>)['inputs']);
  if (!inputs.success) return {};
  return Object.fromEntries(inputs.data.map(({ id, default: value }) => [id, environment[inputVariable(id)] ?? value]));
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined),
    root,
  );
}

/** The place of the value, or of the nearest thing around it that is in the file. */
function locate(document: ConfigDocument, path: readonly string[]): { line: number; column: number } {
  for (let length = path.length; length > 0; length--) {
    const place = document.locate(path.slice(0, length));
    if (place) return place;
  }
  return { line: 1, column: 1 };
}

function issueText({ path, message }: { path: PropertyKey[]; message: string }): string {
  return path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
}
