import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { RULES } from '../rules';
import type { Report } from './report';
import { toSarif } from './sarif';

const closed = (properties: Record<string, unknown>, required: string[] = Object.keys(properties)) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const words = { type: 'string', minLength: 1 };
const text = closed({ text: words });

/**
 * What the SARIF 2.1.0 standard (OASIS, with errata 01) says of every property that we write, and nothing else: sections
 * 3.13 (file), 3.14 (run), 3.19 (component), 3.49 (rule), 3.27 (result), 3.29 (place), 3.30 (region). A property that is
 * not listed here is refused, as it would be by the standard's schema if it were misspelt.
 */
const SCHEMA = closed({
  $schema: { type: 'string', format: 'uri' },
  version: { const: '2.1.0' },
  runs: {
    type: 'array',
    minItems: 1,
    items: closed({
      tool: closed({
        driver: closed({
          name: words,
          version: words,
          informationUri: { type: 'string', format: 'uri' },
          rules: {
            type: 'array',
            uniqueItems: true,
            items: closed(
              {
                id: words,
                shortDescription: text,
                fullDescription: text,
                help: text,
                defaultConfiguration: closed({ level: { enum: ['none', 'note', 'warning', 'error'] } }),
                properties: closed({ tags: { type: 'array', uniqueItems: true, items: words } }),
              },
              ['id'],
            ),
          },
        }),
      }),
      columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
      results: {
        type: 'array',
        items: closed({
          ruleId: words,
          ruleIndex: { type: 'integer', minimum: 0 },
          level: { enum: ['none', 'note', 'warning', 'error'] },
          message: text,
          locations: {
            type: 'array',
            minItems: 1,
            items: closed({
              physicalLocation: closed({
                artifactLocation: closed({ uri: { type: 'string', format: 'uri-reference' }, uriBaseId: words }),
                region: closed({
                  startLine: { type: 'integer', minimum: 1 },
                  startColumn: { type: 'integer', minimum: 1 },
                  endLine: { type: 'integer', minimum: 1 },
                }),
              }),
            }),
          },
          partialFingerprints: { type: 'object', minProperties: 1, additionalProperties: words },
          baselineState: { enum: ['new', 'unchanged', 'updated', 'absent'] },
          rank: { type: 'number', minimum: -1, maximum: 100 },
        }),
      },
    }),
  },
});

type Log = {
  runs: {
    tool: { driver: { rules: { id: string }[] } };
    results: {
      ruleId: string;
      ruleIndex: number;
      locations: { physicalLocation: { region: { startLine: number; endLine: number } } }[];
    }[];
  }[];
};

const finding = (ruleId: string, at: number): Report['findings'][number] => ({
  ruleId,
  path: ['src/a b.ts', 'ü/ä#?.py', '\uD800.js', 'x%20.js'][at % 4] ?? '',
  line: at,
  column: at,
  endLine: at - 1,
  message: at % 3 === 0 ? '' : 'a "message" \u0000 <b>',
  level: (['error', 'warning', 'note'] as const)[at % 3] ?? 'note',
  confidence: (['high', 'medium', 'low'] as const)[at % 3] ?? 'low',
  evidence: '',
  fingerprint: `f${at}`,
  isNew: at % 2 === 0,
});
const report = (findings: Report['findings']): Report => ({
  project: 'x',
  files: [],
  findings,
  cycles: [],
  clones: [],
  skipped: [],
});

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
addFormats(ajv);
const validate = ajv.compile(SCHEMA);

it.each([
  ['no findings', []],
  ['a finding of every rule and of a custom one', [...RULES.map(({ id }) => id), 'custom/mine'].map(finding)],
])('is what SARIF 2.1.0 asks for, with %s', (_name, findings) => {
  const log = JSON.parse(JSON.stringify(toSarif(report(findings)))) as Log;
  validate(log);
  expect(validate.errors).toBeNull();
  const [run] = log.runs;
  expect(run?.results).toHaveLength(findings.length);
  for (const { ruleId, ruleIndex, locations } of run?.results ?? []) {
    expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    const { startLine, endLine } = locations[0]?.physicalLocation.region ?? { startLine: 1, endLine: 0 };
    expect(endLine).toBeGreaterThanOrEqual(startLine);
  }
});

it('stays within the results that code hosts take', () => {
  const log = toSarif(report(Array.from({ length: 25_010 }, (_, at) => finding('solid/open-closed', at)))) as Log;
  expect(log.runs[0]?.results).toHaveLength(25_000);
});
