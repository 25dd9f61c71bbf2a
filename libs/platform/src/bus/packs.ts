/*
 * How records stand in a stream. An entry has one field: `payload`, one record as JSON, or `pack`, an array of them. What a
 * writer gathered in a moment is one entry: to write, deliver and acknowledge it costs about what one record costs.
 */

/** Most records of one entry. */
const MAX_RECORDS = 100;
const MAX_CHARACTERS = 131_072;

export type Field = [name: 'payload' | 'pack', text: string];

/** Puts records of one stream, in their order, into as few entries as may be; `end` is the position after the last one. */
export function pack(records: readonly string[]): { field: Field; end: number }[] {
  const entries: { field: Field; end: number }[] = [];
  for (let from = 0; from < records.length;) {
    let [end, characters] = [from + 1, (records[from] ?? '').length];
    for (; end < records.length && end - from < MAX_RECORDS; end++) {
      characters += (records[end] ?? '').length;
      if (characters > MAX_CHARACTERS) break;
    }
    const field: Field =
      end - from === 1 ? ['payload', records[from] ?? ''] : ['pack', `[${records.slice(from, end).join(',')}]`];
    entries.push({ field, end });
    from = end;
  }
  return entries;
}

/** The records of an entry. @throws SyntaxError */
export function unpack(fields: readonly string[] | null): unknown[] {
  const [name, text = 'null'] = fields ?? [];
  const value: unknown = JSON.parse(text);
  return name === 'pack' ? (value as unknown[]) : [value];
}
