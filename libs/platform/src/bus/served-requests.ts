import { InFlight } from '../in-flight';
import type { ServedRequest } from './served-request';
import { ownText } from './wire';

/**
 * The requests that are being handled here, by caller and the number that the caller gave. Numbers as keys cost nothing;
 * a text as the key of an object is kept in V8's table of texts until a full collection.
 */
export class ServedRequests {
  private readonly byCaller = new Map<string, InFlight<number, ServedRequest>>();

  /** Whether there is none. */
  get isEmpty(): boolean {
    for (const requests of this.byCaller.values()) if (requests.size > 0) return false;
    return true;
  }

  add(request: ServedRequest): void {
    let requests = this.byCaller.get(request.from);
    if (!requests) this.byCaller.set(ownText(request.from), (requests = new InFlight()));
    requests.set(request.id, request);
  }

  /** @returns whether it was here */
  delete({ from, id }: ServedRequest): boolean {
    return this.byCaller.get(from)?.delete(id) === true;
  }

  get(from: string, id: number): ServedRequest | undefined {
    return this.byCaller.get(from)?.get(id);
  }

  /** All of them at this moment. */
  values(): ServedRequest[] {
    return [...this.byCaller.values()].flatMap((requests) => requests.values());
  }

  /** Addresses of callers with requests; those without any are forgotten. */
  callers(): string[] {
    for (const [from, requests] of this.byCaller) if (requests.size === 0) this.byCaller.delete(from);
    return [...this.byCaller.keys()];
  }
}
