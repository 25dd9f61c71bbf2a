import type { SurfaceTool } from './catalogue';

/** What a tool lets into, or out of, a conversation. */
export type Capability = 'untrusted input' | 'private data' | 'way out';

export interface ToxicFlow {
  /** Tools of each kind, as `server__tool`, at most ten of each. */
  tools: Record<Capability, string[]>;
  servers: string[];
}

const SIGNS: Record<Capability, readonly RegExp[]> = {
  'untrusted input': [
    /\b(?:fetch|browse|browser|scrape|crawl|web ?page|website|url|http|navigate|rss|feed)\b/,
    /\b(?:read|get|list|search|retrieve)\b.{0,40}\b(?:e-?mails?|inbox|messages?|issues?|comments?|pull requests?|tickets?|tweets?|posts?|reviews?|search results)\b/,
  ],
  'private data': [
    /\b(?:read|get|list|search|open|retrieve|returns?)\b.{0,40}\b(?:files?|director(?:y|ies)|folder|documents?|database|tables?|rows|records?|knowledge graph|memory|notes?|contacts?|calendar|e-?mails?|inbox|private|secrets?|environment variables|customers?|credentials)\b/,
    /\b(?:sql|query)\b.{0,40}\b(?:database|table|select)\b/,
  ],
  'way out': [
    /\b(?:send|post|publish|upload|share|forward|tweet|notify|deliver|transfer|push)(?:s|es)?\b.{0,40}\b(?:e-?mails?|messages?|files?|requests?|data|to|posts?|comments?|webhook|slack|channel|chat|money)\b/,
    /\b(?:create|add|write)(?:s)?\b.{0,30}\b(?:issues?|comments?|pull requests?|gists?|tickets?|posts?)\b/,
    /\b(?:navigate|goto|go to|open|fetch(?:es)?|request)\b.{0,30}\b(?:url|web ?page|website|http)/,
    /\b(?:run|execute)s?\b.{0,30}\b(?:command|shell|script|javascript|code)\b/,
  ],
};

/** The capabilities that a tool's name and description speak of. */
export function capabilitiesOf({ name, title, description, annotations }: SurfaceTool): Capability[] {
  const text = `${name.replace(/[_-]/g, ' ')} ${title ?? ''} ${(description ?? '').slice(0, 2_000)}`
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
  const found = (Object.keys(SIGNS) as Capability[]).filter((capability) =>
    SIGNS[capability].some((sign) => sign.test(text)),
  );
  // A server that stays in its own world cannot be reached by strangers and reaches nobody.
  return annotations?.['openWorldHint'] === false ? found.filter((capability) => capability === 'private data') : found;
}

/**
 * The three things that make a prompt injection a leak, when one caller has them all: text from strangers, private data
 * and a way out. Null when one of them is missing.
 */
export function toxicFlow(tools: readonly SurfaceTool[]): ToxicFlow | null {
  const flow: ToxicFlow = { tools: { 'untrusted input': [], 'private data': [], 'way out': [] }, servers: [] };
  const servers = new Set<string>();
  for (const tool of tools)
    for (const capability of capabilitiesOf(tool)) {
      servers.add(tool.server);
      if (flow.tools[capability].length < 10) flow.tools[capability].push(`${tool.server}__${tool.name}`);
    }
  if (Object.values(flow.tools).some((list) => list.length === 0)) return null;
  return { ...flow, servers: [...servers].sort() };
}
