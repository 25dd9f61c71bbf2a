import { AppError } from '@mcp-router/shared';
import type { RateLimit } from './access.schemas';

interface Bucket {
  readonly limit: RateLimit;
  /** Requests that may come at once now. */
  tokens: number;
  /** When `tokens` was true, in milliseconds of `performance.now()`. */
  at: number;
}

/**
 * A token bucket an agent, in the memory of this replica: an agent may send `burst` requests at once and `perMinute` in the
 * long run at each gateway. No I/O, and nothing at all for an agent without a limit.
 */
export class RateLimiter {
  private buckets = new Map<string, Bucket>();

  /** Takes the limits of all agents; a bucket whose limit is the same keeps what is in it. */
  configure(limits: ReadonlyMap<string, RateLimit>, now = performance.now()): void {
    const next = new Map<string, Bucket>();
    for (const [agentId, limit] of limits) {
      const known = this.buckets.get(agentId);
      const isSame = known && known.limit.perMinute === limit.perMinute && known.limit.burst === limit.burst;
      next.set(agentId, isSame ? known : { limit, tokens: limit.burst, at: now });
    }
    this.buckets = next;
  }

  /** Counts a request. @throws AppError `rate_limited` with `retryAfterSeconds` */
  take(agentId: string, now = performance.now()): void {
    const bucket = this.buckets.get(agentId);
    if (bucket === undefined) return;
    const perMs = bucket.limit.perMinute / 60_000;
    bucket.tokens = Math.min(bucket.limit.burst, bucket.tokens + (now - bucket.at) * perMs);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return;
    }
    const retryAfterSeconds = Math.max(1, Math.ceil((1 - bucket.tokens) / perMs / 1000));
    throw new AppError('rate_limited', `More than ${bucket.limit.perMinute} requests a minute`, {
      hint: `Try again in ${retryAfterSeconds} s`,
      data: { retryAfterSeconds },
    });
  }
}
