/**
 * What is going on now, by key: requests, calls, exchanges.
 *
 * It does what a `Map` does and is not one. A `Map` that is filled and emptied all the time gets a new table every few
 * entries, and V8 links each old table to the next. Once one of them has reached the old generation it keeps all that
 * follow alive, and with them every call there ever was, until a full collection: each of the frequent small ones then
 * copies a quarter of the heap instead of next to nothing (docs/adr/0008).
 */
export class InFlight<Key extends string | number, Item> {
  private items = emptyTable<Key, Item>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: Key): Item | undefined {
    return this.items[key];
  }

  has(key: Key): boolean {
    return this.items[key] !== undefined;
  }

  set(key: Key, item: Item): void {
    if (this.items[key] === undefined) this.count++;
    this.items[key] = item;
  }

  /** @returns whether there was such an item */
  delete(key: Key): boolean {
    if (this.items[key] === undefined) return false;
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the point of this class, see above
    delete this.items[key];
    this.count--;
    return true;
  }

  clear(): void {
    this.items = emptyTable();
    this.count = 0;
  }

  /** All items at this moment. */
  values(): Item[] {
    return Object.values(this.items);
  }
}

/** Without the members that every object inherits: keys come from outside. */
const emptyTable = <Key extends string | number, Item>() => Object.create(null) as Record<Key, Item>;
