import { isObject, type Json, type JsonObject } from '../definition/json';
import { HIDDEN } from './credentials';

/** Shorter texts are part of too much that is no secret. */
const SHORTEST_PART = 6;

/**
 * Takes the texts of a run's secrets out of what is written down: as they are, in base64 and percent-encoded. A short
 * one is only taken out where it is the whole text.
 */
export class Redaction {
  private readonly parts: string[];
  private readonly wholes: string[];

  constructor(secrets: JsonObject = {}) {
    const texts = [...new Set(textsIn(secrets))].filter((text) => text !== '');
    const forms = (text: string) => [text, Buffer.from(text).toString('base64'), encodeURIComponent(text)];
    const long = texts.filter(({ length }) => length >= SHORTEST_PART);
    // Longer ones first, so that one that begins like another is taken out as a whole.
    this.parts = [...new Set(long.flatMap(forms).map(inJson))].sort((a, b) => b.length - a.length);
    this.wholes = texts.filter(({ length }) => length < SHORTEST_PART).map((text) => JSON.stringify(text));
  }

  /** The value without secrets; the very same one when there are none in it. */
  apply<T>(value: T): T {
    if (this.parts.length === 0 && this.wholes.length === 0) return value;
    const text = JSON.stringify(value);
    if (typeof text !== 'string') return value;
    let clean = text;
    for (const part of this.parts) clean = clean.replaceAll(part, HIDDEN);
    for (const whole of this.wholes) clean = clean.replaceAll(whole, JSON.stringify(HIDDEN));
    return clean === text ? value : (JSON.parse(clean) as T);
  }
}

/** A text as it stands inside a JSON text. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (!isObject(value)) return [];
  const { username, password } = value;
  // As basic authentication sends them.
  const pair = typeof username === 'string' && typeof password === 'string' ? [`${username}:${password}`] : [];
  return [...Object.values(value).flatMap(textsIn), ...pair];
}
