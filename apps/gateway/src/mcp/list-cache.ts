/** The `result` of a list as bytes, and the tag by which the router says that it is still right. */
export interface CachedList {
  tag: string;
  result: Buffer;
}

/**
 * The lists this gateway has sent lately. A copy is used only after the router has confirmed its tag, so a stale one is
 * never served; what is saved is the transfer of some hundred kilobytes over the bus and their encoding.
 */
export class ListCache {
  private readonly lists = new Map<string, CachedList>();
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  get(key: string): CachedList | undefined {
    const list = this.lists.get(key);
    if (list) {
      // Re-inserted, so that the map's order is that of the last use.
      this.lists.delete(key);
      this.lists.set(key, list);
    }
    return list;
  }

  set(key: string, list: CachedList): void {
    this.delete(key);
    if (list.result.length > this.maxBytes) return;
    this.lists.set(key, list);
    this.bytes += list.result.length;
    for (const oldest of this.lists.keys()) {
      if (this.bytes <= this.maxBytes) return;
      this.delete(oldest);
    }
  }

  private delete(key: string): void {
    const list = this.lists.get(key);
    if (!list) return;
    this.lists.delete(key);
    this.bytes -= list.result.length;
  }
}
