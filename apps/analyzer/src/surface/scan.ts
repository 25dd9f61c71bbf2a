import { createHash } from 'node:crypto';
import { SURFACE_RULES } from '../rules';
import type { SurfaceHit, SurfaceRule } from '../rules/rule';
import { type Catalogue, catalogueOf, type ScannedTool, type SurfaceTool } from './catalogue';

export interface SurfaceFinding extends SurfaceHit {
  rule: SurfaceRule;
  server: string;
  tool: string;
  /** Stays the same while the tool, the rule and the place do, whatever the wording around it. */
  fingerprint: string;
}

/** Judges every tool of a catalogue; at most 50 findings of one rule on one tool. */
export function scanCatalogue(
  tools: readonly SurfaceTool[],
  rules: readonly SurfaceRule[] = SURFACE_RULES,
): SurfaceFinding[] {
  const catalogue = catalogueOf(tools);
  return catalogue.tools.flatMap((tool) => scanTool(tool, catalogue, rules));
}

function scanTool(tool: ScannedTool, catalogue: Catalogue, rules: readonly SurfaceRule[]): SurfaceFinding[] {
  return rules.flatMap((rule) => {
    const findings: SurfaceFinding[] = [];
    for (const hit of rule.check(tool, catalogue)) {
      findings.push({
        ...hit,
        rule,
        server: tool.server,
        tool: tool.name,
        fingerprint: fingerprint(rule.id, tool, hit.pointer),
      });
      if (findings.length === 50) break;
    }
    return findings;
  });
}

const fingerprint = (rule: string, { server, name }: SurfaceTool, pointer: string) =>
  createHash('sha256')
    .update(JSON.stringify([rule, server, name, pointer]))
    .digest('hex')
    .slice(0, 32);
