import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from '../system/service';
import { dashboard, DASHBOARD_TEXT, withValues } from './dashboard';
import { readPromql } from './promql';

const targets = dashboard.panels.flatMap(({ title, targets: all }) => all.map((target) => ({ title, ...target })));

/** What Grafana's own schema, as its package has it, finds wrong with a dashboard. */
function schemaFaults(text: string): string[] {
  const folder = mkdtempSync(join(ROOT, 'dist/dashboard-'));
  try {
    const file = join(folder, 'dashboard.ts');
    writeFileSync(
      file,
      `import type { Dashboard } from '@grafana/schema';\nexport const dashboard: Dashboard = ${text};`,
    );
    const options: ts.CompilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      types: [],
    };
    const program = ts.createProgram([file], options);
    return ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Without what an export has for the import alone. */
const stored = (): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(JSON.parse(DASHBOARD_TEXT) as Record<string, unknown>).filter(([key]) => !key.startsWith('__')),
  );

describe('the dashboard', () => {
  it('is one by Grafana’s schema', () => {
    expect(schemaFaults(JSON.stringify(stored()))).toEqual([]);
  });

  it('would not be one with a misspelt key or a value of another type', () => {
    expect(schemaFaults(JSON.stringify({ ...stored(), templatting: {} }))).toHaveLength(1);
    expect(schemaFaults(JSON.stringify({ ...stored(), panels: [{ type: 7 }] }))).toHaveLength(1);
  });

  it.each(targets)('asks in PromQL: $title $refId', ({ expr, legendFormat }) => {
    const { labels } = readPromql(withValues(expr));
    const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ');
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      // What is not summed up keeps the labels of the instance.
      expect(grouped ?? [...labels, 'service', 'instance']).toContain(label);
  });

  it.each(['rate(x[5m]', 'sum by server (x)', 'rate(x[$__rate_interval])', '1 + 1'])('would not with %s', (text) => {
    expect(() => readPromql(text)).toThrow();
  });

  it('has panels that can be told apart and do not overlap', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(dashboard.templating.list).toMatchObject([
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      { name: 'server', type: 'query' },
    ]);
  });
});
