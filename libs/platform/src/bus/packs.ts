/*
 * How records stand in a stream. An entry has one field: `payload`, one record as JSON, or `pack`, an array of those that
 * a writer gathered in a moment: to write, deliver and acknowledge it costs about what one record costs. In a pack each
 * record says only what differs from the one before it, since most fields of two calls are alike; `null` in the array
 * says that the next record stands alone.
 */
import type { RecordStream } from '@mcp-router/shared';

/** Most records of one entry. */
const MAX_RECORDS = 100;
const MAX_BYTES = 131_072;
const FIRST_BYTES = 16_384;
/** Of one UTF-16 code unit in UTF-8. */
const MOST_BYTES = 3;

type Fields = Record<string, unknown>;

/** Fields of a record by name, as they are and as JSON with the colon. */
interface Field {
  name: string;
  written: string;
}

/** Records of one stream that become one entry. Their text is written at once, outside of V8's heap, where it would outlive collections. */
export class Pack {
  count = 0;
  private size = 0;
  private bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  /** Of the record before, by position of the field; what is no plain value is always written. */
  private last: unknown[] = [];

  constructor(
    readonly stream: RecordStream,
    private readonly fields: readonly Field[] = fieldsOf(stream),
  ) {}

  /** Bytes of the entry. */
  get length(): number {
    return this.size + 1;
  }

  /**
   * Adds a record, unless the pack is full.
   *
   * @returns whether it was added
   * @throws TypeError when it is not JSON
   */
  add(record: Fields): boolean {
    if (this.count === MAX_RECORDS) return false;
    const changes = this.count === 0 ? undefined : this.changesIn(record);
    const text = changes ?? (this.count === 0 ? '[' : ',null,') + JSON.stringify(record);
    const end = this.size + text.length * MOST_BYTES + 1;
    if (end > MAX_BYTES && this.count > 0) return false;
    if (end > this.bytes.length) this.bytes = grown(this.bytes, end);
    this.size += this.bytes.write(text, this.size);
    this.count++;
    for (let at = 0; at < this.fields.length; at++) this.last[at] = record[(this.fields[at] as Field).name];
    return true;
  }

  /** The entry as it is now. */
  get entry(): Buffer {
    this.bytes[this.size] = 0x5d; /* ] */
    return this.bytes.subarray(0, this.length);
  }

  /** The fields that differ, as JSON after a comma; undefined when one is missing that the record before has. */
  private changesIn(record: Fields): string | undefined {
    const { last, fields } = this;
    let text = '';
    for (let at = 0; at < fields.length; at++) {
      const { name, written } = fields[at] as Field;
      const value = record[name];
      if (value === last[at] && typeof value !== 'object') continue;
      if (value === undefined) return undefined;
      text += (text === '' ? ',{' : ',') + written + JSON.stringify(value);
    }
    return text === '' ? ',{}' : text + '}';
  }
}

/** The records of an entry. @throws SyntaxError */
export function unpack(fields: readonly string[] | null): unknown[] {
  const [name, text = 'null'] = fields ?? [];
  const value: unknown = JSON.parse(text);
  if (name !== 'pack') return [value];
  const records: Fields[] = [];
  let last: Fields | undefined;
  for (const one of value as (Fields | null)[]) {
    if (one === null) last = undefined;
    else records.push((last = last ? { ...last, ...one } : one));
  }
  return records;
}

const known = new WeakMap<RecordStream, readonly Field[]>();

function fieldsOf(stream: RecordStream): readonly Field[] {
  let fields = known.get(stream);
  if (!fields) {
    fields = Object.keys(stream.payload.shape).map((name) => ({ name, written: `${JSON.stringify(name)}:` }));
    known.set(stream, fields);
  }
  return fields;
}

function grown(bytes: Buffer, size: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(2 * bytes.length, size));
  bytes.copy(larger);
  return larger;
}
