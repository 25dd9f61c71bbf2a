import { Injectable } from '@nestjs/common';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import type { Upstream } from '../upstreams/upstream';

/** The registered servers as routing sees them: a disabled one is not there. */
@Injectable()
export class Directory {
  constructor(private readonly registry: UpstreamRegistry) {}

  upstream(slug: string): Upstream | undefined {
    const upstream = this.registry.get(slug);
    return upstream?.state === 'disabled' ? undefined : upstream;
  }

  /** In the order of their slugs. */
  upstreams(): Upstream[] {
    const all = this.registry.all().filter(({ state }) => state !== 'disabled');
    return all.sort((a, b) => (a.slug < b.slug ? -1 : 1));
  }

  /** Hears of each server that is there now or appears later, once. @returns the way to stop it */
  onUpstream(listener: (upstream: Upstream) => void): () => void {
    return this.registry.onAdded(listener);
  }
}
