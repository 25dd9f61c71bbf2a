import { ruleFacts } from '../rules/catalogue';
import { RULES } from '../rules';
import type { Report } from './report';

const MAX_RESULTS = 25_000;
const HELP = 'https://owasp.org/www-project-mcp-top-10/';

/**
 * A report in SARIF 2.1.0 (OASIS), within the limits that code hosts set: one run, at most 25,000 results. Every rule
 * that found something stands in the driver; `partialFingerprints` survive moved lines.
 */
export function toSarif({ findings }: Report, version = '0.1.0'): object {
  const results = findings.slice(0, MAX_RESULTS);
  const ids = [...new Set(results.map(({ ruleId }) => ruleId))].sort();
  const index = new Map(ids.map((id, at) => [id, at]));
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'MCP Router analyzer', version, informationUri: HELP, rules: ids.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        results: results.map((finding) => ({
          ruleId: finding.ruleId,
          ruleIndex: index.get(finding.ruleId) ?? -1,
          level: finding.level,
          message: { text: finding.message === '' ? finding.ruleId : finding.message },
          locations: [
            {
              physicalLocation: {
                artifactLocation: {
                  uri: uriOf(finding.path),
                  uriBaseId: '%SRCROOT%',
                },
                region: {
                  startLine: Math.max(1, finding.line),
                  startColumn: Math.max(1, finding.column),
                  endLine: Math.max(1, finding.line, finding.endLine),
                },
              },
            },
          ],
          partialFingerprints: { 'mcpRouterFinding/v1': finding.fingerprint },
          baselineState: finding.isNew ? 'new' : 'unchanged',
          rank: { high: 90, medium: 60, low: 30 }[finding.confidence],
        })),
      },
    ],
  };
}

/** Half of a surrogate pair, which a name on a disk may hold, is no part of any address. */
const uriOf = (path: string) => Buffer.from(path).toString().split('/').map(encodeURIComponent).join('/');

function ruleOf(id: string): object {
  const { title, level, cwe, owasp } = ruleFacts(id);
  const rule = RULES.find((known) => known.id === id);
  return {
    id,
    shortDescription: { text: title },
    ...(rule ? { fullDescription: { text: rule.explanation }, help: { text: rule.explanation } } : {}),
    defaultConfiguration: { level },
    properties: {
      tags: [
        ...cwe.map((number) => `external/cwe/cwe-${number}`),
        ...owasp.map((name) => `external/owasp/${name.toLowerCase()}`),
      ],
    },
  };
}
