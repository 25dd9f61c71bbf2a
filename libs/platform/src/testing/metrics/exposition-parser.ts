/*
 * A strict reader of Prometheus' text format 0.0.4 and of OpenMetrics 1.0, written from their specifications and apart from
 * the writer: it throws at the first byte that does not belong there.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ · https://prometheus.io/docs/specs/om/open_metrics_spec/
 */

export interface ParsedSample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface ParsedFamily {
  name: string;
  type: string;
  help: string;
  samples: ParsedSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;
const SUFFIXES: Record<string, readonly string[]> = {
  gauge: [''],
  counter: ['_total'],
  histogram: ['_bucket', '_sum', '_count'],
};

/** @throws Error that says which line is wrong, and how */
export function parseExposition(text: string, format: 'prometheus' | 'openmetrics'): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const lines = text.slice(0, -1).split('\n');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('the last line is not # EOF');
  const families = new Map<string, ParsedFamily>();
  const seen = new Set<string>();
  let family: ParsedFamily | undefined;
  for (const [i, line] of lines.entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${i + 1}: ${why}: ${line.slice(0, 200)}`);
    };
    const comment = /^# (HELP|TYPE) ([^ ]+) (.*)$/s.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (NAME.exec(name)?.[0] !== name) fail('not a name');
      if (kind === 'HELP') {
        if (families.has(name)) fail('the family was told before');
        families.set(name, (family = { name, type: '', help: unescape(rest, format, fail), samples: [] }));
      } else if (family?.name !== name || family.type !== '') fail('not the type of the family above');
      else if (SUFFIXES[rest]) family.type = rest;
      else fail('not a type');
      continue;
    }
    const sample = parseSample(line, fail);
    if (!family || family.type === '') return fail('a sample before its type');
    // In the older format the suffix is part of the name of the family.
    const base = format === 'prometheus' ? family.name.replace(/_total$/, '') : family.name;
    const allowed = (SUFFIXES[family.type] ?? []).map((suffix) => `${base}${suffix}`);
    if (!allowed.includes(sample.name)) fail('not a sample of the family above');
    const key = JSON.stringify([sample.name, ...Object.entries(sample.labels).sort()]);
    if (seen.has(key)) fail('the series is there twice');
    seen.add(key);
    family.samples.push(sample);
  }
  for (const each of families.values()) checkFamily(each);
  return families;
}

function parseSample(line: string, fail: (why: string) => never): ParsedSample {
  const name = NAME.exec(line)?.[0] ?? fail('no name');
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === '{') {
    at++;
    while (line[at] !== '}') {
      const label = LABEL.exec(line.slice(at))?.[0] ?? fail(`no label at ${at}`);
      at += label.length;
      if (!line.startsWith('="', at)) fail(`no value at ${at}`);
      at += 2;
      let value = '';
      for (; line[at] !== '"'; at++) {
        if (at >= line.length) fail('a value that does not end');
        if (line[at] !== '\\') value += line.charAt(at);
        else value += { '\\': '\\', n: '\n', '"': '"' }[line[++at] ?? ''] ?? fail(`an unknown escape at ${at}`);
      }
      at++;
      if (label in labels) fail(`the label ${label} is there twice`);
      labels[label] = value;
      if (line[at] === ',') at++;
      else if (line[at] !== '}') fail(`neither , nor } at ${at}`);
    }
    at++;
  }
  if (line[at] !== ' ') fail('no space before the value');
  const number = line.slice(at + 1);
  if (!NUMBER.test(number)) fail('not a number');
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) };
}

function unescape(text: string, format: string, fail: (why: string) => never): string {
  if (format === 'openmetrics' && /(^|[^\\])(\\\\)*"/.test(text)) fail('a quote that is not escaped');
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => {
    if (letter === 'n') return '\n';
    if (letter === '\\' || (letter === '"' && format === 'openmetrics')) return letter;
    return fail('an unknown escape');
  });
}

/** Counters do not go below zero; buckets of a histogram grow and end with all. */
function checkFamily({ name, type, samples }: ParsedFamily): void {
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts backwards`);
  if (type !== 'histogram') return;
  const groups = new Map<string, ParsedSample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('Inf', 'Infinity')));
    const isSorted = (list: readonly number[], isStrict: boolean): boolean =>
      list.every((n, i) => i === 0 || (isStrict ? n > (list[i - 1] ?? 0) : n >= (list[i - 1] ?? 0)));
    const counts = buckets.map(({ value }) => value);
    if (!isSorted(bounds, true) || bounds.at(-1) !== Infinity) throw new Error(`${name} ${key}: wrong bounds`);
    if (!isSorted(counts, false)) throw new Error(`${name} ${key}: buckets shrink`);
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    if (count !== counts.at(-1)) throw new Error(`${name} ${key}: the last bucket is not the count`);
    if (!group.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name} ${key}: no sum`);
  }
}
