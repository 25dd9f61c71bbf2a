import { matchesPath } from '../engine/path-glob';
import type { ProjectRule } from './rule';

/** Imports that go against the declared layers. */
export const layerViolation: ProjectRule = {
  id: 'structure/layer-violation',
  family: 'structure',
  target: 'project',
  title: 'An import against the layers',
  level: 'error',
  confidence: 'high',
  explanation:
    'The analysis declares layers and what each may use; this import is not among it. Depend on an abstraction that the lower layer owns, or move the code.',
  cwe: [1054],
  *check({ graph, layers, files }) {
    if (layers.length === 0) return;
    const layerOf = (file: number) => layers.find((layer) => matchesPath(layer.files, files[file]?.path ?? ''));
    for (const { from, to, fact } of graph.edges) {
      const [user, used] = [layerOf(from), layerOf(to)];
      if (!user || !used || user.name === used.name || user.mayUse.includes(used.name)) continue;
      const path = files[from]?.path ?? '';
      yield {
        path,
        line: fact.line,
        message: `layer "${user.name}" may not use "${used.name}" (${files[to]?.path ?? ''})`,
        key: `${path} ${files[to]?.path ?? ''}`,
      };
    }
  },
  examples: {
    bad: [
      {
        'domain/order.ts': "import { db } from '../data/db';\nexport const order = db;",
        'data/db.ts': 'export const db = 1;',
        '.layers.json':
          '[{"name":"domain","files":"domain/**","mayUse":[]},{"name":"data","files":"data/**","mayUse":["domain"]}]',
      },
    ],
    good: [
      {
        'data/db.ts': "import { order } from '../domain/order';\nexport const db = order;",
        'domain/order.ts': 'export const order = 1;',
        '.layers.json':
          '[{"name":"domain","files":"domain/**","mayUse":[]},{"name":"data","files":"data/**","mayUse":["domain"]}]',
      },
    ],
  },
};
