import { identityOf } from './identity';
import type { Sighting } from '../sources/source';

/** That a source sees a server. */
export interface Entry {
  readonly sourceId: string;
  readonly sighting: Sighting;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

/** One server, whoever sees it. */
export interface Found {
  readonly id: string;
  readonly identity: string;
  readonly entries: readonly Entry[];
  /** Since when no source sees it; null while one does. */
  readonly lostAt: number | null;
}

export type Change =
  | { type: 'found' | 'changed' | 'renewed' | 'lost' | 'returned'; candidate: Found }
  | { type: 'moved'; candidate: Found; from: Sighting }
  | { type: 'removed'; candidate: Found };

/** An entry whose lease was renewed is written down this often at most. */
const TOUCH_MS = 60_000;

/**
 * Who sees what: turns the reports of all sources into one set of servers, where each server is one however many see it.
 *
 * Pure bookkeeping in memory: each method gives the changes that have to be written down and told.
 */
export class Book {
  private readonly byIdentity = new Map<string, Found>();
  /** source → key → identity */
  private readonly keys = new Map<string, Map<string, string>>();

  constructor(
    private readonly newId: () => string,
    /** How long a server that nobody sees any more is kept. */
    private readonly graceMs: number,
    found: Iterable<Found> = [],
  ) {
    for (const candidate of found) {
      this.byIdentity.set(candidate.identity, candidate);
      for (const { sourceId, sighting } of candidate.entries)
        this.keysOf(sourceId).set(sighting.key, candidate.identity);
    }
  }

  all(): Found[] {
    return [...this.byIdentity.values()];
  }

  get(identity: string): Found | undefined {
    return this.byIdentity.get(identity);
  }

  /** How many servers a source sees. */
  count(sourceId: string): number {
    return this.keys.get(sourceId)?.size ?? 0;
  }

  /** The source sees exactly these, of those whose key begins with `prefix`. */
  snapshot(sourceId: string, sightings: readonly Sighting[], now: number, prefix = ''): Change[] {
    const seen = new Set(sightings.map(({ key }) => key));
    const changes = sightings.flatMap((sighting) => this.sight(sourceId, sighting, now));
    const gone = [...this.keysOf(sourceId).keys()].filter((key) => key.startsWith(prefix) && !seen.has(key));
    return [...changes, ...gone.flatMap((key) => this.withdraw(sourceId, key, now))];
  }

  /** The source sees this server, for the first time or again. */
  sight(sourceId: string, sighting: Sighting, now: number): Change[] {
    const identity = identityOf(sighting.endpoint);
    const before = this.keysOf(sourceId).get(sighting.key);
    if (before !== undefined && before !== identity) {
      const moved = this.move(sourceId, sighting, before, identity, now);
      if (moved) return [moved];
      return [...this.withdraw(sourceId, sighting.key, now), ...this.sight(sourceId, sighting, now)];
    }
    this.keysOf(sourceId).set(sighting.key, identity);
    const known = this.byIdentity.get(identity);
    const old = known?.entries.find((entry) => isOf(entry, sourceId, sighting.key));
    const isSame = old !== undefined && JSON.stringify(old.sighting) === JSON.stringify(sighting);
    if (known && isSame && now - old.lastSeenAt < TOUCH_MS) return [];
    const entry = { sourceId, sighting, firstSeenAt: old?.firstSeenAt ?? now, lastSeenAt: now };
    const others = known?.entries.filter((one) => one !== old) ?? [];
    const candidate = this.put({
      id: known?.id ?? this.newId(),
      identity,
      entries: [...others, entry],
      lostAt: null,
    });
    if (!known) return [{ type: 'found', candidate }];
    if (known.lostAt !== null) return [{ type: 'returned', candidate }];
    return [{ type: isSame ? 'renewed' : 'changed', candidate }];
  }

  /** The source does not see it any more. */
  withdraw(sourceId: string, key: string, now: number): Change[] {
    const keys = this.keysOf(sourceId);
    const identity = keys.get(key);
    keys.delete(key);
    const known = identity === undefined ? undefined : this.byIdentity.get(identity);
    if (!known) return [];
    const entries = known.entries.filter((entry) => !isOf(entry, sourceId, key));
    const isLost = entries.length === 0;
    const candidate = this.put({ ...known, entries, lostAt: isLost ? now : null });
    return [{ type: isLost ? 'lost' : 'changed', candidate }];
  }

  /** The source is no more. */
  dropSource(sourceId: string, now: number): Change[] {
    const changes = this.snapshot(sourceId, [], now);
    this.keys.delete(sourceId);
    return changes;
  }

  /** Ends leases that ran out, and forgets servers that nobody has seen for the time of grace. */
  expire(now: number): Change[] {
    const changes: Change[] = [];
    for (const { entries } of this.all())
      for (const { sourceId, sighting } of entries)
        if (sighting.expiresAt !== undefined && sighting.expiresAt <= now)
          changes.push(...this.withdraw(sourceId, sighting.key, now));
    for (const candidate of this.all()) {
      if (candidate.lostAt === null || now - candidate.lostAt < this.graceMs) continue;
      this.byIdentity.delete(candidate.identity);
      changes.push({ type: 'removed', candidate });
    }
    return changes;
  }

  /** When `expire` has something to do next; Infinity for never. */
  nextExpiry(): number {
    let next = Infinity;
    for (const { entries, lostAt } of this.byIdentity.values()) {
      if (lostAt !== null) next = Math.min(next, lostAt + this.graceMs);
      for (const { sighting } of entries) next = Math.min(next, sighting.expiresAt ?? Infinity);
    }
    return next;
  }

  /** A server that only this source sees under this key has a new address: it stays the same candidate. */
  private move(
    sourceId: string,
    sighting: Sighting,
    before: string,
    identity: string,
    now: number,
  ): Change | undefined {
    const known = this.byIdentity.get(before);
    const entry = known?.entries[0];
    if (!known || !entry || known.entries.length > 1 || this.byIdentity.has(identity)) return undefined;
    this.byIdentity.delete(before);
    this.keysOf(sourceId).set(sighting.key, identity);
    const candidate = this.put({
      ...known,
      identity,
      entries: [{ ...entry, sighting, lastSeenAt: now }],
      lostAt: null,
    });
    return { type: 'moved', candidate, from: entry.sighting };
  }

  private put(candidate: Found): Found {
    this.byIdentity.set(candidate.identity, candidate);
    return candidate;
  }

  private keysOf(sourceId: string): Map<string, string> {
    const keys = this.keys.get(sourceId) ?? new Map<string, string>();
    this.keys.set(sourceId, keys);
    return keys;
  }
}

function isOf(entry: Entry, sourceId: string, key: string): boolean {
  return entry.sourceId === sourceId && entry.sighting.key === key;
}
