import type { ProjectRule } from './rule';

/** Files that import one another in a ring. */
export const importCycle: ProjectRule = {
  id: 'structure/import-cycle',
  family: 'structure',
  target: 'project',
  title: 'Files import one another in a ring',
  level: 'warning',
  confidence: 'high',
  explanation:
    'None of the files can be understood, tested or loaded without the others; which one runs first decides what is undefined when. Move what both need into a file of its own, or turn one of the imports around.',
  cwe: [1047],
  *check({ cycles, files, graph }) {
    for (const members of cycles) {
      const inside = new Set(members);
      const paths = members.map((member) => files[member]?.path ?? '');
      const edge = graph.edges.find(
        ({ from, to, fact }) => from === members[0] && inside.has(to) && to !== from && !fact.isType,
      );
      const shown =
        paths.length > 6 ? `${paths.slice(0, 6).join(', ')} and ${paths.length - 6} more` : paths.join(', ');
      yield {
        path: paths[0] ?? '',
        line: edge?.fact.line ?? 1,
        message: `${paths.length} files import one another: ${shown}`,
        key: paths.join(' '),
      };
    }
  },
  examples: {
    bad: [
      {
        'a.ts': "import { b } from './b';\nexport const a = () => b;",
        'b.ts': "import { a } from './a';\nexport const b = () => a;",
      },
    ],
    good: [
      { 'a.ts': "import { b } from './b';\nexport const a = b;", 'b.ts': 'export const b = 1;' },
      {
        'a.ts': "import type { B } from './b';\nexport type A = B;",
        'b.ts': "import type { A } from './a';\nexport type B = A[];",
      },
    ],
  },
};
