import type { ServerDefinition } from '@mcp-router/shared';
import { type ParseError, parse as parseJsonc, printParseErrorCode } from 'jsonc-parser';
import { parse as parseYaml } from 'yaml';
import { kindOf } from './labels';

/** An entry of another client's file, as it stands there. */
export interface ClientEntry {
  /** Where in the file, for a person: `mcpServers.github`. */
  path: string;
  name: string;
  definition: Partial<ServerDefinition>;
}

/** Where the clients keep their servers: the members to walk through, `*` for each of them. */
const PLACES = [
  // Claude Desktop, Claude Code, Cursor, Windsurf, Gemini CLI, LM Studio, Roo, Cline.
  ['mcpServers'],
  // VS Code's mcp.json, and its settings.json.
  ['servers'],
  ['mcp', 'servers'],
  // Claude Code's settings by project.
  ['projects', '*', 'mcpServers'],
  // Zed.
  ['context_servers'],
  // opencode and Crush.
  ['mcp'],
] as const;

/** A file that cannot be read, with the place of the fault. */
export class ConfigFault extends Error {}

/**
 * Reads the servers out of a configuration file of another MCP client: JSON with comments and trailing commas, or YAML.
 * Entries that are none are left out; what is not there to be read is an empty list.
 * @throws ConfigFault with line and column when the file is broken
 */
export function readClientConfig(text: string, file: string): ClientEntry[] {
  const document = parse(text.replace(/^\uFEFF/, ''), file);
  const found = new Map<string, ClientEntry>();
  for (const place of PLACES)
    for (const { path, members } of walk(document, place, []))
      for (const [name, value] of Object.entries(members)) {
        const definition = toDefinition(value);
        const where = [...path, name].join('.');
        if (definition) found.set(where, { path: where, name, definition });
      }
  return [...found.values()];
}

function parse(text: string, file: string): unknown {
  if (/\.ya?ml$/i.test(file)) {
    try {
      return parseYaml(text, { maxAliasCount: 100 }) as unknown;
    } catch (error) {
      throw new ConfigFault((error as Error).message.split('\n')[0], { cause: error });
    }
  }
  const errors: ParseError[] = [];
  const value = parseJsonc(text, errors, { allowTrailingComma: true, allowEmptyContent: true }) as unknown;
  const [first] = errors;
  if (!first) return value;
  const before = text.slice(0, first.offset).split(/\r\n|\r|\n/);
  const at = `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
  throw new ConfigFault(`${printParseErrorCode(first.error)} at ${at}`);
}

type Members = Record<string, unknown>;

function* walk(
  value: unknown,
  place: readonly string[],
  path: string[],
): Generator<{ path: string[]; members: Members }> {
  if (!isObject(value)) return;
  const [step, ...rest] = place;
  if (step === undefined) yield { path, members: value };
  else if (step === '*') for (const [key, member] of Object.entries(value)) yield* walk(member, rest, [...path, key]);
  else if (Object.hasOwn(value, step)) yield* walk(value[step], rest, [...path, step]);
}

function toDefinition(value: unknown): Partial<ServerDefinition> | undefined {
  if (!isObject(value) || value['disabled'] === true || value['enabled'] === false) return undefined;
  const nested = value['command'];
  // Zed of old, and opencode, write the command as an object or a list.
  if (isObject(nested)) return toDefinition({ ...nested, command: nested['path'] });
  if (Array.isArray(nested))
    return toDefinition({ ...value, command: nested[0] as unknown, args: nested.slice(1), type: 'stdio' });
  const url = [value['url'], value['serverUrl'], value['httpUrl']].find((one) => typeof one === 'string');
  if (url !== undefined) {
    const kind = kindOf(typeof value['type'] === 'string' ? value['type'] : 'http') ?? 'http';
    const headers = strings(value['headers'] ?? value['requestInit']);
    return { type: kind, url, ...(headers ? { headers } : {}) };
  }
  if (typeof nested !== 'string' || nested === '') return undefined;
  const env = strings(value['env'] ?? value['environment']);
  const args = Array.isArray(value['args']) ? value['args'].map(String) : [];
  const cwd = value['cwd'];
  return { command: nested, args, ...(env ? { env } : {}), ...(typeof cwd === 'string' ? { cwd } : {}) };
}

function strings(value: unknown): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value).filter(([, one]) => ['string', 'number', 'boolean'].includes(typeof one));
  return entries.length > 0 ? Object.fromEntries(entries.map(([name, one]) => [name, String(one)])) : undefined;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
