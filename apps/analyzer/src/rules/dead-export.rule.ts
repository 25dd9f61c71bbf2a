import type { ProjectRule } from './rule';

/** What is exported and never imported. */
export const deadExport: ProjectRule = {
  id: 'structure/dead-export',
  family: 'structure',
  target: 'project',
  title: 'An export that nobody imports',
  level: 'note',
  confidence: 'medium',
  explanation:
    'No file of the analysis imports this name, and no entry point gives it on. Remove the export, or the code. Entry points are what package.json names, tests and configuration; without such a file, whatever nobody imports.',
  cwe: [561],
  *check({ deadExports, files }) {
    for (const { file, name, line, isType } of deadExports) {
      const path = files[file]?.path ?? '';
      yield {
        path,
        line,
        message: `the ${isType ? 'type' : 'export'} "${name}" is never imported`,
        key: `${path} ${name}`,
      };
    }
  },
  examples: {
    bad: [
      {
        'package.json': '{"main":"index.ts"}',
        'index.ts': "import { used } from './a';\nused();",
        'a.ts': 'export const used = () => 1;\nexport const unused = 2;',
      },
    ],
    good: [
      {
        'package.json': '{"main":"index.ts"}',
        'index.ts': "export * from './a';",
        'a.ts': 'export const used = 1;\nexport const given = 2;',
      },
      {
        'package.json': '{"main":"index.ts"}',
        'index.ts': "import * as a from './a';\nconsole.log(a);",
        'a.ts': 'export const any = 1;',
      },
    ],
  },
};
