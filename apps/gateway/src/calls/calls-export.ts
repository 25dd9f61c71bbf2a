import type { CallRecord } from '@mcp-router/shared';

export type ExportFormat = 'csv' | 'json' | 'jsonl';

export const EXPORT_TYPES: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
  jsonl: 'application/jsonl; charset=utf-8',
};

const COLUMNS: readonly (keyof CallRecord)[] = [
  'id',
  'at',
  'requestId',
  'traceId',
  'agentId',
  'agent',
  'keyId',
  'endpoint',
  'method',
  'server',
  'tool',
  'argumentsHash',
  'decision',
  'outcome',
  'errorCode',
  'durationMs',
  'upstreamMs',
  'requestBytes',
  'responseBytes',
];

/** What stands before the first call and after the last one. */
const AROUND: Record<ExportFormat, [before: string, after: string]> = {
  csv: [`${COLUMNS.join(',')}\r\n`, ''],
  json: ['[', '\n]\n'],
  jsonl: ['', ''],
};

/** The same pages, of which the first was read: a question that is refused is refused before anything is answered. */
export async function begun<T>(pages: AsyncGenerator<T, unknown>): Promise<AsyncIterable<T>> {
  const first = await pages.next();
  async function* all(): AsyncGenerator<T> {
    if (first.done) return;
    yield first.value;
    for await (const page of pages) yield page;
  }
  return all();
}

/** Pages of calls as text: CSV (RFC 4180; the first line names the columns), one array of JSON, or a line of JSON each. */
export async function* exportOf(
  pages: AsyncIterable<readonly CallRecord[]>,
  format: ExportFormat,
): AsyncGenerator<string> {
  const [before, after] = AROUND[format];
  let separator = '\n';
  if (before !== '') yield before;
  for await (const calls of pages) {
    let text = '';
    for (const call of calls) {
      if (format === 'csv') text += `${COLUMNS.map((column) => field(call[column])).join(',')}\r\n`;
      else if (format === 'jsonl') text += `${JSON.stringify(call)}\n`;
      else {
        text += separator + JSON.stringify(call);
        separator = ',\n';
      }
    }
    if (text !== '') yield text;
  }
  if (after !== '') yield after;
}

/** A text that a spreadsheet would take for a formula is kept a text. */
function field(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
