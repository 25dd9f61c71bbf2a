import { readCode } from '../engine/code-file';
import type { SurfaceTool } from '../surface/catalogue';
import { scanCatalogue } from '../surface/scan';
import { CATALOGUE_RULES, CODE_RULES, RULES, SURFACE_RULES } from '.';
import type { CodeRule, SurfaceRule, ToolExample } from './rule';

const BLANK: SurfaceTool = {
  server: 'example',
  name: 'do_it',
  description: 'Does it',
  inputSchema: { type: 'object' },
};
const toolsOf = (example: ToolExample): SurfaceTool[] => {
  const parts = Array.isArray(example) ? (example as Partial<SurfaceTool>[]) : [example as Partial<SurfaceTool>];
  return parts.map((part) => ({ ...BLANK, ...part }));
};

it('gives every rule an id of its own, named after its family or folder', () => {
  const ids = RULES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z-]+\/[a-z0-9-]+$/.test(id))).toEqual([]);
});

it.each(CATALOGUE_RULES)('$id finds its bad examples and leaves the good ones alone', ({ check, examples }) => {
  const hits = (tools: readonly Partial<SurfaceTool>[]) => [...check(tools.map((tool) => ({ ...BLANK, ...tool })))];
  expect(examples.bad.map((tools) => hits(tools).length > 0)).toEqual(examples.bad.map(() => true));
  expect(examples.good.flatMap(hits)).toEqual([]);
});

it('shows a bad and a good example with every rule', () => {
  expect(
    RULES.filter(({ examples }) => examples.bad.length === 0 || examples.good.length === 0).map(({ id }) => id),
  ).toEqual([]);
});

describe.each(SURFACE_RULES.map((rule): [string, SurfaceRule] => [rule.id, rule]))('%s', (_, rule) => {
  const hits = (example: ToolExample) =>
    scanCatalogue(toolsOf(example), [rule]).filter(({ tool }) => tool === toolsOf(example)[0]?.name);

  it.each(rule.examples.bad.map((example) => [JSON.stringify(example).slice(0, 100), example] as const))(
    'finds %s',
    (_text, example) => {
      expect(hits(example)).not.toEqual([]);
    },
  );

  it.each(rule.examples.good.map((example) => [JSON.stringify(example).slice(0, 100), example] as const))(
    'is silent on %s',
    (_text, example) => {
      expect(hits(example)).toEqual([]);
    },
  );
});

if (CODE_RULES.length > 0)
  describe.each(CODE_RULES.map((rule): [string, CodeRule] => [rule.id, rule]))('%s', (_, rule) => {
    const hits = async (language: CodeRule['languages'][number], code: string) => [
      ...rule.check(await readCode('example', language, code)),
    ];

    it.each(rule.examples.bad.map(({ language, code }) => [code.slice(0, 100), language, code] as const))(
      'finds %s',
      async (_text, language, code) => {
        expect(await hits(language, code)).not.toEqual([]);
      },
    );

    it.each(rule.examples.good.map(({ language, code }) => [code.slice(0, 100), language, code] as const))(
      'is silent on %s',
      async (_text, language, code) => {
        expect(await hits(language, code)).toEqual([]);
      },
    );
  });
