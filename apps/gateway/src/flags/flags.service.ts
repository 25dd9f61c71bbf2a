import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Bus, recordEvent } from '@mcp-router/platform';
import { AppError, FLAG_NAMES, FLAGS, flagsChanged, isFlagName, type Flag, type FlagName } from '@mcp-router/shared';
import type { Repository } from 'typeorm';
import { FlagOverrideEntity } from './flag-override.entity';

/** Stores overrides of feature flags and tells them to every replica of every app. */
@Injectable()
export class FlagsService {
  constructor(
    @InjectRepository(FlagOverrideEntity) private readonly rows: Repository<FlagOverrideEntity>,
    private readonly bus: Bus,
  ) {}

  async overrides(): Promise<Record<string, boolean>> {
    return Object.fromEntries((await this.rows.find()).map(({ name, enabled }) => [name, enabled]));
  }

  async list(): Promise<Flag[]> {
    const overrides = await this.overrides();
    return FLAG_NAMES.map((name) => toFlag(name, overrides[name]));
  }

  async get(name: string): Promise<Flag> {
    const known = knownName(name);
    return toFlag(known, (await this.rows.findOneBy({ name: known }))?.enabled);
  }

  async set(name: string, enabled: boolean): Promise<Flag> {
    const known = knownName(name);
    await this.rows.upsert({ name: known, enabled, updatedAt: new Date() }, ['name']);
    await this.tell();
    recordEvent(this.bus, 'flag.changed', { subject: known, data: { enabled } });
    return toFlag(known, enabled);
  }

  async reset(name: string): Promise<Flag> {
    const known = knownName(name);
    await this.rows.delete({ name: known });
    await this.tell();
    recordEvent(this.bus, 'flag.reset', { subject: known, data: { enabled: FLAGS[known].on } });
    return toFlag(known, undefined);
  }

  private async tell(): Promise<void> {
    await this.bus.broadcast(flagsChanged, await this.overrides());
  }
}

function knownName(name: string): FlagName {
  if (isFlagName(name)) return name;
  throw new AppError('not_found', `There is no feature flag "${name}"`, { hint: `Known: ${FLAG_NAMES.join(', ')}` });
}

const toFlag = (name: FlagName, override: boolean | undefined): Flag => ({
  name,
  enabled: override ?? FLAGS[name].on,
  default: FLAGS[name].on,
  overridden: override !== undefined,
  why: FLAGS[name].why,
});
