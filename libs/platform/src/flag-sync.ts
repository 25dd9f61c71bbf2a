import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { flagsChanged, listFlagOverrides } from '@mcp-router/shared';
import type { Logger } from 'pino';
import { Bus } from './bus/bus';
import { applyFlagOverrides } from './flags';
import { LOGGER } from './tokens';

const RETRY_MS = 1_000;

/** Keeps this process's feature flags as the gateway has stored them. Until it has answered once, defaults hold. */
@Injectable()
export class FlagSync implements OnApplicationBootstrap, OnApplicationShutdown {
  private retry: NodeJS.Timeout | undefined;
  private readonly stops: (() => void)[] = [];
  private stopped = false;

  constructor(
    private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.stops.push(
      this.bus.listen(flagsChanged, (overrides) => this.apply(overrides)),
      this.bus.onResume(() => void this.pull()),
    );
    void this.pull();
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    for (const stop of this.stops) stop();
  }

  private apply(overrides: Record<string, boolean>): void {
    applyFlagOverrides(overrides);
    this.logger.debug({ overrides }, 'feature flags are up to date');
  }

  private async pull(): Promise<void> {
    clearTimeout(this.retry);
    try {
      this.apply(await this.bus.call(listFlagOverrides, {}));
    } catch {
      // The gateway may start after us, or Redis may be away: defaults (or the last known overrides) hold meanwhile.
      if (!this.stopped) this.retry = setTimeout(() => void this.pull(), RETRY_MS).unref();
    }
  }
}
