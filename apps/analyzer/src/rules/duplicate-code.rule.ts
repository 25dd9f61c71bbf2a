import type { Clone } from '../engine/duplication';
import type { ProjectRule } from './rule';

const BLOCK = Array.from(
  { length: 12 },
  (_, i) => `  const part${i} = input.slice(${i}, length + ${i}).trim();\n  parts.push(part${i}.toUpperCase());`,
).join('\n');
const FUNCTION = (name: string, variable: string) =>
  `export function ${name}(input: string, length: number) {\n  const parts: string[] = [];\n${BLOCK}\n  return parts;\n}\n`.replaceAll(
    'parts',
    variable,
  );

/** Passages that occur twice. */
export const duplicateCode: ProjectRule = {
  id: 'structure/duplicate-code',
  family: 'structure',
  target: 'project',
  title: 'The same code in two places',
  level: 'warning',
  confidence: 'high',
  explanation:
    'At least 50 tokens on 5 lines are the same in both places, but for layout, comments, texts and consistently replaced names. A fault that is corrected in one stays in the other. Give the code one home.',
  cwe: [1041],
  *check({ files, clones }) {
    const pathOf = (file: number) => files[file]?.path ?? '';
    const groups = new Map<string, [Clone, ...Clone[]]>();
    for (const clone of clones) {
      const place = `${clone.a.file} ${clone.a.line} ${clone.a.endLine}`;
      const group = groups.get(place);
      if (group) group.push(clone);
      else groups.set(place, [clone]);
    }
    for (const group of groups.values()) {
      const [{ a, tokens }] = group;
      const others = [...new Set(group.map(({ b }) => `${pathOf(b.file)}:${b.line}`))];
      const named = others.slice(0, 3).join(', ') + (others.length > 3 ? ` and ${others.length - 3} other places` : '');
      yield {
        path: pathOf(a.file),
        line: a.line,
        endLine: a.endLine,
        message: `${a.endLine - a.line + 1} lines (${tokens} tokens) are the same as ${named}${group.every(({ type }) => type === 2) ? ', with other names or values' : ''}`,
        key: `${pathOf(a.file)} ${pathOf(group[0].b.file)} ${tokens}`,
      };
    }
  },
  examples: {
    bad: [
      { 'a.ts': FUNCTION('one', 'parts'), 'b.ts': `// elsewhere\n${FUNCTION('one', 'parts')}` },
      { 'a.ts': FUNCTION('one', 'parts'), 'b.ts': FUNCTION('two', 'pieces') },
    ],
    good: [
      {
        'a.ts': 'export const a = 1;\nexport const b = 2;\nexport const c = 3;\n',
        'b.ts': 'export const a = 1;\nexport const b = 2;\nexport const c = 3;\n',
      },
    ],
  },
};
