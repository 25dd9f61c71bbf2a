import { complexitiesOf } from './complexity';
import { corpus } from './oracles/corpus';
import { EslintOracle } from './oracles/eslint.oracle';
import { parse } from './parser';
import type { SyntaxTree } from './syntax-tree';
import { unitsOf, type Unit } from './units';

const PACKAGES = ['express', 'fastify', 'eslint/lib', 'undici/lib', 'rxjs/src', 'ajv/lib', 'yaml/dist', 'acorn'];

/** Where the oracle's tree begins the same unit: methods at their parameters, initialisers inside their parentheses. */
function keyOf(tree: SyntaxTree, { node, kind }: Unit): string {
  if (kind === 'method') {
    const types = tree.child(node, 'type_parameters');
    return `${tree.start(types >= 0 ? types : tree.child(node, 'parameters'))}`;
  }
  let at = node;
  while (kind === 'field' && tree.type(at) === 'parenthesized_expression') at = tree.firstNamed(at);
  return `${tree.start(at)}`;
}

it('agrees with ESLint and sonarjs on every function of packages nobody here wrote', async () => {
  const oracle = new EslintOracle();
  const differences: string[] = [];
  let functions = 0;
  for (const { path, language, source } of corpus(PACKAGES)) {
    if (path.endsWith('.d.ts') || path.endsWith('.d.mts') || path.endsWith('.d.cts')) continue;
    const theirs = oracle.measure(source, path);
    if (!theirs) continue;
    const tree = await parse(source, language);
    const units = unitsOf(tree, language);
    const ours = complexitiesOf(tree, language, units);
    const byKey = new Map<string, number[]>();
    units.list.forEach((unit, index) => {
      const key = keyOf(tree, unit);
      byKey.set(key, [...(byKey.get(key) ?? []), index]);
    });
    for (const { key, line, cyclomatic, cognitiveSonar } of theirs) {
      functions++;
      const found = byKey.get(key) ?? [];
      const matches = found.some((index) => {
        const { kind } = units.list[index] as Unit;
        const cognitiveMatches = kind === 'field' || kind === 'static' || ours.cognitiveSonar[index] === cognitiveSonar;
        return ours.cyclomatic[index] === cyclomatic && cognitiveMatches;
      });
      if (!matches)
        differences.push(
          `${path}:${line}${tree.hasError ? ' (broken)' : ''} theirs ${cyclomatic}/${cognitiveSonar} ours ${found.map((i) => `${ours.cyclomatic[i]}/${ours.cognitiveSonar[i]}`).join(' ')}`,
        );
    }
  }
  expect(differences.slice(0, 40)).toEqual([]);
  expect(functions).toBeGreaterThanOrEqual(10_000);
});
