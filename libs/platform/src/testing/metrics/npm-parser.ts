import parse from 'parse-prometheus-text-format';
import type { ParsedSample } from './exposition-parser';

/**
 * The samples of Prometheus' text format or of OpenMetrics, as the package `parse-prometheus-text-format` reads them. It puts
 * the buckets of all label sets of a histogram together, so histograms are given to it sample by sample.
 */
export function readSamples(text: string): ParsedSample[] {
  return parse(text.replaceAll(/^(# TYPE \S+) histogram$/gm, '$1 untyped')).flatMap(({ name, metrics }) =>
    metrics.map(({ labels = {}, value = '' }) => ({ name, labels, value: Number(value.replace('Inf', 'Infinity')) })),
  );
}

/** Name, type and help of the families that have samples of their own name. */
export function readFamilies(text: string): { name: string; type: string; help: string }[] {
  return parse(text).map(({ name, type, help }) => ({ name, type: type.toLowerCase(), help }));
}
