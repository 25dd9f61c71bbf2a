import { readCode } from '../engine/code-file';
import type { SurfaceTool } from '../surface/catalogue';
import { scanCatalogue } from '../surface/scan';
import { rmSync } from 'node:fs';
import type { Layer, ProjectFile } from '../engine/project';
import { readProject } from '../engine/project';
import { languageOf } from '../engine/languages';
import { moduleFacts } from '../engine/module-facts';
import { tokensOf } from '../engine/duplication';
import { folderOf } from '../engine/testing/project';
import { CATALOGUE_RULES, CODE_RULES, PROJECT_RULES, RULES, SURFACE_RULES, TEXT_RULES } from '.';
import type { CodeRule, ProjectExample, ProjectRule, SurfaceRule, ToolExample } from './rule';

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

it('names the weakness (CWE) with every rule, and the risk (OWASP) with every alarm about security', () => {
  const needsRisk = ['security', 'mcp-code', 'surface'];
  expect(RULES.filter(({ cwe = [] }) => cwe.length === 0).map(({ id }) => id)).toEqual([]);
  expect(
    RULES.filter(
      ({ family, level, owasp = [] }) => needsRisk.includes(family) && level !== 'note' && owasp.length === 0,
    ).map(({ id }) => id),
  ).toEqual([]);
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

it.each(TEXT_RULES)('$id finds its bad examples and leaves the good ones alone', ({ check, examples }) => {
  const hits = (example: ProjectExample) =>
    Object.entries(example).flatMap(([path, text]) => [...check({ path, text })].map(({ evidence }) => evidence));
  expect(examples.bad.filter((example) => hits(example).length === 0)).toEqual([]);
  expect(examples.good.flatMap(hits)).toEqual([]);
});

describe.each(PROJECT_RULES.map((rule): [string, ProjectRule] => [rule.id, rule]))('%s', (_, rule) => {
  const hits = async (example: ProjectExample) => {
    const folder = folderOf(example);
    try {
      const files: ProjectFile[] = [];
      for (const [path, source] of Object.entries(example)) {
        const language = languageOf(path);
        if (!language) continue;
        const { tree } = await readCode(path, language, source);
        files.push({ path, language, ...moduleFacts(tree, language), tokens: tokensOf(tree) });
      }
      const layers = JSON.parse(example['.layers.json'] ?? '[]') as Layer[];
      return [...rule.check(readProject(files, folder.path, { layers }))];
    } finally {
      rmSync(folder.path, { recursive: true, force: true });
    }
  };

  it('finds its bad examples and leaves the good ones alone', async () => {
    for (const example of rule.examples.bad) expect(await hits(example)).not.toEqual([]);
    for (const example of rule.examples.good) expect(await hits(example)).toEqual([]);
  });
});
