import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { RULES } from '../rules';
import type { Report } from './report';
import { toSarif } from './sarif';

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

/** The standard's own schema. It is draft 04, of which it uses nothing that draft 07 reads otherwise but the name of `id`. */
const { id: _id, $schema: _draft, ...official } = schema;
const ajv = new Ajv({ allErrors: true, strict: false, unicodeRegExp: false });
addFormats(ajv);
const validate = ajv.compile(official);
const faultsOf = (log: unknown) => {
  validate(JSON.parse(JSON.stringify(log)));
  return validate.errors;
};

it.each([
  ['no findings', []],
  ['a finding of every rule and of a custom one', [...RULES.map(({ id }) => id), 'custom/mine'].map(finding)],
])('is what SARIF 2.1.0 asks for, with %s', (_name, findings) => {
  const log = toSarif(report(findings)) as Log;
  expect(faultsOf(log)).toBeNull();
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

it('is what SARIF 2.1.0 asks for, whatever a finding says and wherever it was found', () => {
  const text = fc.string({ unit: 'binary' });
  const place = fc.integer({ min: -1, max: 2 ** 31 });
  const findings = fc.array(
    fc.record({
      ruleId: fc.oneof(fc.constantFrom(...RULES.map(({ id }) => id)), text),
      path: text,
      line: place,
      column: place,
      endLine: place,
      message: text,
      level: fc.constantFrom('error', 'warning', 'note'),
      confidence: fc.constantFrom('high', 'medium', 'low'),
      evidence: text,
      fingerprint: text,
      isNew: fc.boolean(),
    }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(findings, (some) => {
      expect(faultsOf(toSarif(report(some)))).toBeNull();
    }),
  );
});

it('would be refused with a property that the standard does not know', () => {
  const log = toSarif(report([finding('solid/open-closed', 1)])) as Log;
  Object.assign(log.runs[0]?.results[0] ?? {}, { fingerPrints: {} });
  expect(faultsOf(log)).toMatchObject([{ keyword: 'additionalProperties' }]);
});
