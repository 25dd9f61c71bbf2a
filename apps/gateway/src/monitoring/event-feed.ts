import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Bus, LOGGER } from '@mcp-router/platform';
import { eventsKept, readEvents, type MonitorEvent } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { Subject, type Observable } from 'rxjs';

/** Broadcasts can be lost: so often a gateway with listeners looks whether it missed one. */
const LOOK_MS = 5_000;
const PAGE = 500;

/**
 * All events as they become readable, each once and in the order of their numbers, for the clients of this gateway.
 * Whoever needs what came before reads it from the monitor.
 */
@Injectable()
export class EventFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly events = new Subject<readonly MonitorEvent[]>();
  /** Everything up to here was emitted; undefined until somebody listens. */
  private last: number | undefined;
  private catchingUp: Promise<void> | undefined;
  private again = false;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    const looking = setInterval(() => this.catchUp(), LOOK_MS).unref();
    this.stops.push(
      () => clearInterval(looking),
      this.bus.onResume(() => this.catchUp()),
      this.bus.listen(eventsKept, ({ previous, head, items }) => {
        if (this.last === undefined || head <= this.last) return;
        if (this.catchingUp || previous !== this.last || items.length === 0) return this.catchUp();
        this.last = head;
        this.events.next(items);
      }),
    );
  }

  onApplicationShutdown(): void {
    for (const stop of this.stops) stop();
    this.events.complete();
  }

  /** Batches of events from now on. */
  get live(): Observable<readonly MonitorEvent[]> {
    return this.events.asObservable();
  }

  /** Resolves to the number up to which `live` has told everything. */
  async position(): Promise<number> {
    this.last ??= (await this.bus.call(readEvents, {})).head;
    return this.last;
  }

  private catchUp(): void {
    if (this.last === undefined || !this.events.observed) {
      // Nobody listens: the next listener begins at the end.
      if (!this.catchingUp) this.last = undefined;
      return;
    }
    if (this.catchingUp) {
      this.again = true;
      return;
    }
    this.catchingUp = this.readOn()
      .catch((err: unknown) => this.logger.debug({ err }, 'events are read again later'))
      .finally(() => {
        this.catchingUp = undefined;
        if (this.again) {
          this.again = false;
          this.catchUp();
        }
      });
  }

  private async readOn(): Promise<void> {
    for (;;) {
      const { items, head } = await this.bus.call(readEvents, { after: this.last ?? 0, limit: PAGE });
      this.last = Math.max(this.last ?? 0, head);
      if (items.length > 0) this.events.next(items);
      if (items.length < PAGE) return;
    }
  }
}
