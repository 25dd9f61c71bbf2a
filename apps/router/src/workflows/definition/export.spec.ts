import { exportWorkflow } from './export';
import { parseWorkflow } from './parse';

const DEFINITION = `document: { dsl: '1.0.3', namespace: shop, name: orders, version: '1.0.0', title: 'Orders "today"' }
do:
  - route:
      switch:
        - paid: { when: .paid, then: ship }
        - other: { then: wait }
  - ship:
      try:
        - call: { call: post__send, with: { to: '\${ .to }' } }
      catch:
        do:
          - note: { set: { failed: true } }
      then: end
  - wait: { wait: PT5S, if: .patience }
  - both:
      fork:
        branches:
          - a: { set: { x: 1 } }
          - b: { raise: { error: { type: 'https://example.com/no', status: 400 } } }
`;

describe('exportWorkflow', () => {
  const { workflow } = parseWorkflow(DEFINITION);
  if (!workflow) throw new Error('The definition of the test does not parse');

  it.each(['yaml', 'json'] as const)('writes %s that reads back to the same workflow', (format) => {
    const text = exportWorkflow(workflow, format);
    expect(parseWorkflow(text, { format })).toMatchObject({ faults: [], workflow });
  });

  it('draws tasks, their boxes and the ways between them', () => {
    const lines = exportWorkflow(workflow, 'mermaid').split('\n');
    expect(lines[0]).toBe('flowchart TD');
    expect(lines).toContain('  start(["Orders #34;today#34;"])');
    expect(lines).toContain('  t1{"route: switch"}');
    expect(lines).toContain('  t1 -->|"paid: .paid"| t2');
    expect(lines).toContain('  t1 -->|"other"| t3');
    expect(lines).toContain('  t2_out --> finish');
    expect(lines).toContain('  t3 -.->|"unless .patience"| t4');
    expect(lines.filter((line) => line.includes('subgraph'))).toHaveLength(2);
    expect(lines.filter((line) => line.trim() === 'end')).toHaveLength(2);
  });

  it('draws only nodes that it has declared', () => {
    const text = exportWorkflow(workflow, 'mermaid');
    const declared = new Set([...text.matchAll(/^\s*(\w+)(?=[[({])/gm)].map(([, id]) => id));
    for (const [, from, to] of text.matchAll(/^\s*(\w+) (?:-->|-\.->)(?:\|.*\|)? (\w+)$/gm)) {
      expect(declared).toContain(from);
      expect(declared).toContain(to);
    }
  });
});
