import { Injectable } from '@nestjs/common';
import { Bus, currentContext } from '@mcp-router/platform';
import {
  AppError,
  type Contract,
  type DiscoverySource,
  type NewRegistration,
  type Registration,
  endRegistration,
  registerServer,
  renewRegistration,
} from '@mcp-router/shared';
import { v7 as uuid } from 'uuid';
import type { z } from 'zod';
import type { Entry, Found } from '../candidates/book';
import { Keeper } from '../candidates/keeper';
import { selfRegistrationSource } from '../sources/self-registration.source';
import type { Sighting } from '../sources/source';
import { SourcesStore } from '../sources/sources.store';

/** Who announced the server: only that agent, or an administrator, may renew or end it. */
const OWNER = 'mcp-router.agent';
const LEASE = 'mcp-router.lease-seconds';

/** Servers that announce themselves. The replica that follows the sources keeps the leases; the others pass requests on to it. */
@Injectable()
export class RegistrationsService {
  constructor(
    private readonly keeper: Keeper,
    private readonly sources: SourcesStore,
    private readonly bus: Bus,
  ) {}

  /** @throws AppError `conflict` while no source of the type is enabled */
  async register(input: NewRegistration): Promise<Registration> {
    if (!this.keeper.isOpen) return this.passOn(registerServer, input);
    const source = await this.source();
    const { name, url, type, description, version, labels, leaseSeconds } = input;
    const { maxLeaseSeconds } = selfRegistrationSource.settings.parse(source.settings);
    const lease = Math.min(leaseSeconds, maxLeaseSeconds);
    const owner = currentContext()?.principal?.agentId ?? '';
    return this.enter(source.id, {
      key: uuid(),
      name,
      endpoint: { kind: type, url, headerNames: [] },
      ...(description === undefined ? {} : { description }),
      ...(version === undefined ? {} : { version }),
      labels: { ...labels, [OWNER]: owner, [LEASE]: String(lease) },
      expiresAt: Date.now() + lease * 1000,
    });
  }

  /** @throws AppError `not_found` for a lease that ended: register anew */
  async renew(id: string): Promise<Registration> {
    if (!this.keeper.isOpen) return this.passOn(renewRegistration, { id });
    const { entry } = this.find(id);
    const lease = Number(entry.sighting.labels?.[LEASE] ?? 60);
    return this.enter(entry.sourceId, { ...entry.sighting, expiresAt: Date.now() + lease * 1000 });
  }

  async end(id: string): Promise<void> {
    if (!this.keeper.isOpen) {
      await this.passOn(endRegistration, { id });
      return;
    }
    const { entry } = this.find(id);
    await this.keeper.sinkOf(entry.sourceId).remove(id);
  }

  private async enter(sourceId: string, sighting: Sighting): Promise<Registration> {
    await this.keeper.sinkOf(sourceId).upsert(sighting);
    const { candidate } = this.find(sighting.key);
    return {
      id: sighting.key,
      candidateId: candidate.id,
      expiresAt: new Date(sighting.expiresAt ?? 0).toISOString(),
      leaseSeconds: Number(sighting.labels?.[LEASE]),
    };
  }

  private find(id: string): { candidate: Found; entry: Entry } {
    const all = this.keeper.read((book) => book.all()) ?? [];
    for (const candidate of all)
      for (const entry of candidate.entries)
        if (entry.sighting.key === id && this.isOwn(entry)) return { candidate, entry };
    throw new AppError('not_found', `There is no registration ${id}`, {
      hint: 'Its lease may have ended: register again',
    });
  }

  private isOwn({ sighting }: Entry): boolean {
    const principal = currentContext()?.principal;
    const owner = sighting.labels?.[OWNER];
    return owner !== undefined && (principal?.role === 'admin' || principal?.agentId === owner);
  }

  private async source(): Promise<DiscoverySource> {
    const source = (await this.sources.all()).find(
      ({ type, enabled }) => type === selfRegistrationSource.type && enabled,
    );
    if (source) return source;
    throw new AppError('conflict', 'Servers may not register themselves here', {
      hint: 'An administrator adds a source of the type "self-registration"',
    });
  }

  private async passOn<I extends z.ZodType, O extends z.ZodType>(
    contract: Contract<I, O>,
    input: z.input<I>,
  ): Promise<z.output<O>> {
    const instance = await this.sources.leader();
    if (instance === undefined || instance === this.bus.instanceId)
      throw new AppError('no_instance', 'No replica follows the sources at the moment', {
        hint: 'Try again in a second',
      });
    return this.bus.call(contract, input, { instance });
  }
}
