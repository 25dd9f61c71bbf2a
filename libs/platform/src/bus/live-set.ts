import { Logger } from '@nestjs/common';
import type { RedisLink } from './link';
import { Standstill } from './standstill';

export const BEAT_MS = 1_000;
export const DEAD_AFTER_MS = 3_000;

/**
 * Beats for one instance and reads the sets of several apps. Redis' own clock counts, for those of machines differ.
 * KEYS: the own app's set, then the sets to read. ARGV: own instance or '', milliseconds until dead.
 * Gives for each set read: instance, age in ms, instance, age…
 */
const BEAT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then redis.call('ZADD', KEYS[1], now, ARGV[1]) end
local sets = {}
for at = 2, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', now - 20 * ARGV[2])
  local set = redis.call('ZRANGEBYSCORE', KEYS[at], '(' .. (now - ARGV[2]), '+inf', 'WITHSCORES')
  for score = 2, #set, 2 do set[score] = string.format('%d', now - set[score]) end
  sets[at - 1] = set
end
return sets`;

interface Replica {
  /** When it was alive for sure, on this process's clock. */
  seenAt: number;
  /** Requests of this process that it has not answered yet. */
  load: number;
}

/** Which replicas of which app are alive: kept fresh by a beat a second, and by notices of those that join and leave. */
export class LiveSet {
  private readonly apps = new Map<string, Map<string, Replica>>();
  private readonly logger = new Logger('Bus');
  private readonly standstill = new Standstill(BEAT_MS);
  private own = '';
  private timer: NodeJS.Timeout | undefined;
  private turn = 0;

  constructor(private readonly link: RedisLink) {
    link.on('L', (notice) => this.hear(notice));
    link.onUp(() => {
      // Redis may have forgotten all; each replica says within its next beat that it is there, or is forgotten then.
      for (const replicas of this.apps.values()) for (const replica of replicas.values()) replica.seenAt = Date.now();
      void this.beat().then(() => this.announce('+'));
    });
  }

  async start(): Promise<void> {
    await this.link.subscribe(`${this.link.prefix}live`);
    this.timer = setInterval(() => void this.beat(), BEAT_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Becomes visible to callers. */
  async join(): Promise<void> {
    this.own = this.link.instanceId;
    await this.beat();
    this.announce('+');
  }

  /** Callers stop choosing this instance. */
  async leave(): Promise<void> {
    if (this.own === '') return;
    this.own = '';
    this.announce('-');
    if (this.link.isUp)
      await this.link.redis.zrem(this.key(this.link.app), this.link.instanceId).catch(() => undefined);
  }

  instances(app: string): string[] {
    if (!this.apps.has(app)) void this.refresh(app);
    return [...this.watched(app).keys()];
  }

  /** The replica with the fewest open requests of this process; equals take turns. */
  pick(app: string, except: ReadonlySet<string> | undefined): string | undefined {
    let best: string | undefined;
    let least = Infinity;
    const replicas = this.watched(app);
    const skip = replicas.size > 1 ? this.turn++ % replicas.size : 0;
    let at = 0;
    for (const [instance, { load }] of replicas) {
      const rank = at++ < skip ? load + 0.5 : load;
      if (rank < least && !except?.has(instance)) [best, least] = [instance, rank];
    }
    return best;
  }

  /** Counts an open request, or with -1 its end. */
  weigh(app: string, instance: string, change: 1 | -1): void {
    const replica = this.apps.get(app)?.get(instance);
    if (replica) replica.load = Math.max(0, replica.load + change);
  }

  /** Is not chosen any more until its next sign of life. */
  forget(app: string, instance: string): void {
    this.apps.get(app)?.delete(instance);
  }

  /** Reads the app's set now, and with each beat from now on. */
  async refresh(app: string): Promise<void> {
    this.watched(app);
    await this.beat();
  }

  private watched(app: string): Map<string, Replica> {
    let replicas = this.apps.get(app);
    if (!replicas) this.apps.set(app, (replicas = new Map<string, Replica>()));
    return replicas;
  }

  private key(app: string): string {
    return `${this.link.prefix}live:${app}`;
  }

  private async beat(): Promise<void> {
    if (this.link.redis.status !== 'ready') return;
    const apps = [...this.apps.keys()];
    const keys = [this.key(this.link.app), ...apps.map((app) => this.key(app))];
    try {
      const sets = await this.link.redis.eval(BEAT, keys.length, ...keys, this.own, DEAD_AFTER_MS);
      const stoodStill = this.standstill.since(Date.now());
      for (const replicas of this.apps.values()) for (const replica of replicas.values()) replica.seenAt += stoodStill;
      apps.forEach((app, at) => this.learn(app, (sets as string[][])[at] ?? []));
    } catch (error) {
      if (this.link.isUp) this.logger.warn(error, 'The live set could not be read');
    }
  }

  private learn(app: string, set: string[]): void {
    const now = Date.now();
    for (let at = 0; at < set.length; at += 2) this.saw(app, set[at] as string, now - Number(set[at + 1]));
    for (const [instance, { seenAt }] of this.watched(app)) {
      if (now - seenAt > DEAD_AFTER_MS) this.forget(app, instance);
    }
  }

  private saw(app: string, instance: string, seenAt: number): void {
    const replica = this.watched(app).get(instance);
    if (replica) replica.seenAt = Math.max(replica.seenAt, seenAt);
    else this.watched(app).set(instance, { seenAt, load: 0 });
  }

  private announce(sign: '+' | '-'): void {
    if (sign === '+' && this.own === '') return;
    this.link.send(`${this.link.prefix}live`, `L${sign}${this.link.app} ${this.link.instanceId}`);
  }

  private hear(notice: string): void {
    const [app = '', instance = ''] = notice.slice(2).split(' ');
    if (!this.apps.has(app)) return;
    if (notice.charAt(1) === '+') this.saw(app, instance, Date.now());
    else this.forget(app, instance);
  }
}
