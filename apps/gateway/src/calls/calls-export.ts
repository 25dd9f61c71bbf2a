import type { CallRecord } from '@mcp-router/shared';

export type ExportFormat = 'csv' | 'jsonl';

export const EXPORT_TYPES: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8; header=present',
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

/** A page of calls as text; the first line of CSV names the columns (RFC 4180). */
export function* linesOf(calls: readonly CallRecord[], format: ExportFormat, isFirst: boolean): Generator<string> {
  if (format === 'csv' && isFirst) yield `${COLUMNS.join(',')}\r\n`;
  for (const call of calls)
    yield format === 'csv'
      ? `${COLUMNS.map((column) => field(call[column])).join(',')}\r\n`
      : `${JSON.stringify(call)}\n`;
}

/** A text that a spreadsheet would take for a formula is kept a text. */
function field(value: string | number | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
