import { definitionHash } from '@mcp-router/platform';
import type { HeldTool, JudgedTool } from '@mcp-router/shared';
import type { CatalogueItem } from '../catalogue/catalogue-item';
import { readDefinition } from '../tools/tool-view';

/** Why a tool may not be used: someone has to decide, or its present definition has not been judged yet. */
export interface Hold {
  kind: 'decision' | 'review';
  reason: string;
}

const UNREADABLE: Hold = { kind: 'review', reason: 'its definition cannot be read' };
const CHANGED: Hold = { kind: 'review', reason: 'its definition changed and has not been judged yet' };
const NEW: Hold = { kind: 'review', reason: 'its definition has not been scanned yet' };

/** What the analyzer has said of the tools' definitions. */
export class Verdicts {
  private readonly judged: Map<string, JudgedTool>;
  private readonly held: Map<string, HeldTool>;
  private readonly hashes = new WeakMap<CatalogueItem, string>();

  constructor(judged: readonly JudgedTool[], held: readonly HeldTool[]) {
    this.judged = new Map(judged.map((tool) => [toolKey(tool.server, tool.tool), tool]));
    this.held = new Map(held.map((tool) => [toolKey(tool.server, tool.tool), tool]));
  }

  /** @param isTrusted whether a tool that was never seen may be used */
  of(item: CatalogueItem, isTrusted: boolean): Hold | undefined {
    const judged = this.judged.get(toolKey(item.server, item.name));
    if (!judged) return isTrusted ? undefined : NEW;
    const hash = this.hashOf(item);
    if (hash === judged.currentHash) return this.ofName(item.server, item.name);
    if (hash === judged.approvedHash) return undefined;
    return hash === '' ? UNREADABLE : CHANGED;
  }

  /** Of a tool that its server does not list, so that its definition is not known. */
  ofName(server: string, name: string): Hold | undefined {
    const held = this.held.get(toolKey(server, name));
    return held && { kind: 'decision', reason: held.reason };
  }

  private hashOf(item: CatalogueItem): string {
    let hash = this.hashes.get(item);
    if (hash === undefined) this.hashes.set(item, (hash = safeHash(item)));
    return hash;
  }
}

/** A definition that is nested too deeply to be written is one that nobody can have judged. */
function safeHash({ text }: CatalogueItem): string {
  try {
    return definitionHash(readDefinition(text));
  } catch {
    return '';
  }
}

/** The analyzer keeps names in a database, which keeps no NUL. */
export function toolKey(server: string, name: string): string {
  return `${server} ${name.replaceAll('\0', '\uFFFD')}`;
}
