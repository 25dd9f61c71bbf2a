import { parser } from '@prometheus-io/lezer-promql';

/** What an expression asks for. */
export interface PromqlQuery {
  metrics: string[];
  /** Names of the labels that it selects and groups by. */
  labels: string[];
}

/**
 * Reads an expression with Prometheus' own grammar.
 *
 * @throws Error that says where the expression is none
 */
export function readPromql(expression: string): PromqlQuery {
  const query: PromqlQuery = { metrics: [], labels: [] };
  parser.parse(expression).iterate({
    enter: (node) => {
      const { type, from, to } = node;
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`);
      const text = expression.slice(from, to);
      if (type.name === 'Identifier' && node.matchContext(['VectorSelector'])) query.metrics.push(text);
      if (type.name === 'LabelName') query.labels.push(text);
    },
  });
  if (query.metrics.length === 0) throw new Error(`asks for no metric: ${expression}`);
  return query;
}
