import { basename, resolve } from 'node:path';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  addGeneratedKey,
  Bus,
  dropOldKeys,
  ENV,
  LOGGER,
  openSecretBox,
  recordEvent,
  refuseTaken,
  type SecretBox,
} from '@mcp-router/platform';
import {
  AppError,
  changedMeanwhile,
  NewServer,
  secretKeyRotated,
  ServerDefinition,
  serverChanged,
} from '@mcp-router/shared';
import type { Logger } from 'pino';
import { Raw, type Repository } from 'typeorm';
import { v7 } from 'uuid';
import { z } from 'zod';
import { hostEnvironment, type RouterEnv } from '../config';
import { ConfigFile, type ConfigState } from '../config-file/config-file';
import type { ConfigEntry } from '../config-file/config-entries';
import type { Upstream } from '../upstreams/upstream';
import { UpstreamRegistry } from '../upstreams/upstream-registry';
import { mergePatch } from './merge-patch';
import { idOfSlug, type RegisteredServer } from './registered-server';
import { GrantStore, resealGrants } from '../authorization/grant-store';
import { resealSecrets } from '../secrets/secret-store';
import { ServerEntity } from './server.entity';
import { toSpec } from './server-spec';

/** Slugs of servers that differ from what the file said before. */
type FileChanges = Record<'added' | 'changed' | 'removed', string[]>;

/** The registered servers: those of the file and those stored over REST, each with its upstream running. */
@Injectable()
export class ServersService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stored = new Map<string, RegisteredServer>();
  private readonly fromFile = new Map<string, RegisteredServer>();
  private readonly file: ConfigFile;
  private readonly startedAt = new Date();
  private box!: SecretBox;
  private fileChanges: FileChanges = { added: [], changed: [], removed: [] };
  private stopListening: (() => void)[] = [];

  constructor(
    @InjectRepository(ServerEntity) private readonly rows: Repository<ServerEntity>,
    private readonly upstreams: UpstreamRegistry,
    private readonly grants: GrantStore,
    private readonly bus: Bus,
    @Inject(ENV) private readonly env: RouterEnv,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const variables = { ...hostEnvironment, MCPR_DATA_DIR: resolve(env.MCPR_DATA_DIR) };
    this.file = new ConfigFile(
      env.MCPR_CONFIG,
      variables,
      logger,
      (entries) => this.takeFile(entries),
      (state) => this.tellReload(state),
    );
  }

  get configState(): ConfigState {
    return this.file.state;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.box = await openSecretBox(this.env);
    this.stopListening = [
      this.upstreams.onStateChanged(({ server, ...change }) =>
        recordEvent(this.bus, 'server.stateChanged', { server, data: { ...change, instance: this.bus.instanceId } }),
      ),
      this.bus.listen(serverChanged, ({ slug, instance, restart }) => {
        if (instance !== this.bus.instanceId) this.follow(slug, restart ?? false);
      }),
      this.bus.onResume(() => void this.reload().catch(this.logFailure)),
    ];
    await this.reload();
    await this.file.start();
    // Requests come from now on: a replica that joins others must not say of their tools that there are none.
    await this.upstreams.settled(this.env.START_PATIENCE_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const stop of this.stopListening) stop();
    await this.file.close();
  }

  /** All servers by slug. */
  list(): RegisteredServer[] {
    const builtin = this.upstreams.builtins.map((upstream) => [upstream.slug, this.builtin(upstream)] as const);
    const all = new Map([...this.stored, ...this.fromFile, ...builtin]);
    return [...all.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1));
  }

  /** @param ref slug or id @throws AppError `server_not_found` */
  get(ref: string): RegisteredServer {
    const found =
      this.fromFile.get(ref) ??
      this.stored.get(ref) ??
      this.list().find((server) => server.slug === ref || server.id === ref.toLowerCase());
    if (!found) throw new AppError('server_not_found', `No server is called "${ref.slice(0, 64)}"`);
    return found;
  }

  async add({ slug, ...definition }: NewServer, source: 'rest' | 'discovery'): Promise<RegisteredServer> {
    if (this.fromFile.has(slug) || this.upstreams.get(slug)) throw taken(slug);
    const virtual = await this.rows.query<unknown[]>('SELECT FROM router.virtual_server WHERE slug = $1', [slug]);
    if (virtual.length > 0) throw taken(slug);
    const id = v7();
    const row = this.rows.create({ id, slug, source, ...(await this.seal(id, definition)) });
    await this.rows.insert(row as never).catch(refuseTaken(taken(slug).message));
    await this.load(slug);
    this.tell(slug);
    recordEvent(this.bus, 'server.added', { server: slug, data: { source } });
    return this.get(slug);
  }

  /**
   * Applies a JSON merge patch (RFC 7396) to a stored server: `env` and `headers` are merged by name.
   *
   * @throws AppError `read_only` (a server of the file), `precondition_failed`, `invalid_request`
   */
  async update(ref: string, changes: Record<string, unknown>, ifMatch?: string): Promise<RegisteredServer> {
    const server = this.writable(ref);
    if (server.fault !== undefined)
      throw new AppError('conflict', `"${server.slug}" cannot be changed: ${server.fault}`, {
        hint: 'Give the router the key that they were encrypted with, or remove the server and add it again',
      });
    const parsed = ServerDefinition.safeParse(mergePatch(server.definition, changes));
    if (!parsed.success) throw invalid(parsed.error);
    const definition = parsed.data;
    // As text: what `If-Match` says need not be a number.
    const version = Raw((column) => `${column}::text = :version`, { version: ifMatch ?? server.version });
    const { affected } = await this.rows.update(
      { id: server.id, version },
      { ...((await this.seal(server.id, definition)) as object), version: () => 'version + 1', updatedAt: new Date() },
    );
    if (affected !== 1) {
      await this.load(server.slug);
      if (ifMatch === undefined && this.stored.has(server.slug)) return this.update(ref, changes);
      throw changedMeanwhile(server.slug);
    }
    await this.load(server.slug);
    this.tell(server.slug);
    // Names only: values may be secrets.
    recordEvent(this.bus, 'server.changed', { server: server.slug, data: { fields: Object.keys(changes) } });
    return this.get(server.slug);
  }

  async remove(ref: string): Promise<void> {
    const { id, slug } = this.writable(ref);
    await this.rows.delete({ id });
    this.stored.delete(slug);
    await this.upstreams.remove(slug);
    await this.grants.remove(slug);
    this.tell(slug);
    recordEvent(this.bus, 'server.removed', { server: slug });
  }

  /** Makes the connections anew at once, whatever the circuit says, on every replica. */
  async restart(ref: string): Promise<RegisteredServer> {
    const server = this.get(ref);
    const upstream = this.upstreams.supervisedBy(server.slug);
    if (!upstream) throw new AppError('conflict', `"${server.slug}" has nothing to restart`);
    if (server.definition.enabled === false)
      throw new AppError('conflict', `"${server.slug}" is disabled`, { hint: 'Enable it first' });
    this.tell(server.slug, true);
    recordEvent(this.bus, 'server.restarted', { server: server.slug });
    this.upstreams.authorizerOf(server.slug)?.reset();
    await upstream.restart();
    await upstream.ready().catch(() => undefined);
    return server;
  }

  /** Encrypts every stored secret with the newest key. @returns how many servers have secrets */
  async rotateKey(): Promise<{ keyId: string; servers: number }> {
    this.box = await addGeneratedKey(this.env);
    let servers = 0;
    await this.rows.manager.transaction(async (db) => {
      const rows = await db.find(ServerEntity, { lock: { mode: 'pessimistic_write' } });
      for (const { id, secrets } of rows) {
        if (secrets === null) continue;
        servers++;
        if (!this.box.isCurrent(secrets))
          await db.update(ServerEntity, { id }, { secrets: this.box.seal(this.box.open(secrets, id), id) });
      }
      await resealSecrets(db, this.box);
      await resealGrants(db, this.box);
    });
    await dropOldKeys(this.env);
    // Whoever else has secrets encrypts them anew; one that does not hear it does so at its next start.
    await this.bus.broadcast(secretKeyRotated, {}).catch(this.logFailure);
    return { keyId: this.box.keyId, servers };
  }

  private writable(ref: string): RegisteredServer {
    const server = this.get(ref);
    if (server.source === 'builtin') throw new AppError('read_only', `"${server.slug}" is part of the router`);
    if (server.source === 'file')
      throw new AppError('read_only', `"${server.slug}" comes from ${this.file.state.file} and is edited there`, {
        hint: 'The file is watched: what is saved in it is in force at once ("disabled": true switches a server off)',
      });
    return server;
  }

  private builtin({ slug, info }: Upstream): RegisteredServer {
    const { startedAt } = this;
    const definition: ServerDefinition = { description: info?.instructions ?? 'Part of the router' };
    return {
      id: idOfSlug(slug),
      slug,
      source: 'builtin',
      definition,
      version: '1',
      createdAt: startedAt,
      updatedAt: startedAt,
    };
  }

  private async seal(
    id: string,
    { env, headers, oauth, ...definition }: ServerDefinition,
  ): Promise<Pick<ServerEntity, 'definition' | 'secrets'>> {
    const secrets = { ...(isFilled(env) && { env }), ...(isFilled(headers) && { headers }), ...(oauth && { oauth }) };
    // Another replica may have changed the key since it was read.
    this.box = await openSecretBox(this.env);
    return { definition, secrets: isFilled(secrets) ? this.box.seal(JSON.stringify(secrets), id) : null };
  }

  private open(row: ServerEntity): RegisteredServer {
    const { id, slug, source, definition, version, createdAt, updatedAt } = row;
    const server = { id, slug, source, definition, version: String(version), createdAt, updatedAt };
    if (row.secrets === null) return server;
    try {
      const secrets = JSON.parse(this.box.open(row.secrets, id)) as object;
      return { ...server, definition: { ...definition, ...secrets } };
    } catch (error) {
      return { ...server, fault: `The secrets cannot be decrypted: ${(error as Error).message}` };
    }
  }

  /** Another replica changed a server. */
  private follow(slug: string, restart: boolean): void {
    if (restart) this.upstreams.authorizerOf(slug)?.reset();
    const done = restart ? this.upstreams.supervisedBy(slug)?.restart() : this.load(slug);
    done?.catch(this.logFailure);
  }

  private async reload(): Promise<void> {
    const rows = await this.rows.find();
    const slugs = new Set(rows.map(({ slug }) => slug));
    for (const slug of [...this.stored.keys()]) if (!slugs.has(slug)) this.drop(slug);
    for (const row of rows) await this.take(row);
  }

  private async load(slug: string): Promise<void> {
    const row = await this.rows.findOneBy({ slug });
    if (row) await this.take(row);
    else this.drop(slug);
  }

  private async take(row: ServerEntity): Promise<void> {
    let server = this.open(row);
    if (server.fault !== undefined) {
      // Another replica may have made a new key since.
      this.box = await openSecretBox(this.env);
      server = this.open(row);
      if (server.fault !== undefined) this.logger.error({ server: row.slug }, server.fault);
    }
    this.stored.set(row.slug, server);
    this.run(row.slug);
  }

  private drop(slug: string): void {
    this.stored.delete(slug);
    this.run(slug);
  }

  private takeFile(entries: ConfigEntry[]): void {
    const before = new Map(this.fromFile);
    const changes: FileChanges = { added: [], changed: [], removed: [] };
    this.fromFile.clear();
    const now = new Date();
    for (const { slug, definition } of entries) {
      const known = before.get(slug);
      const same = known && JSON.stringify(known.definition) === JSON.stringify(definition);
      if (!same) changes[known ? 'changed' : 'added'].push(slug);
      this.fromFile.set(
        slug,
        same
          ? known
          : {
              id: idOfSlug(slug),
              slug,
              source: 'file',
              definition,
              version: String(Number(known?.version ?? 0) + 1),
              createdAt: known?.createdAt ?? now,
              updatedAt: now,
            },
      );
      if (this.stored.has(slug) && !known)
        this.logger.warn({ server: slug }, 'this server is in the file and registered over REST; the file is used');
    }
    for (const slug of before.keys()) if (!this.fromFile.has(slug)) changes.removed.push(slug);
    this.fileChanges = changes;
    for (const slug of new Set([...before.keys(), ...this.fromFile.keys()])) this.run(slug);
  }

  /** Every router reads its own copy of the file, and tells what it made of it. */
  private tellReload({ file, faults }: ConfigState): void {
    const { added, changed, removed } = this.fileChanges;
    this.fileChanges = { added: [], changed: [], removed: [] };
    const isSame = added.length + changed.length + removed.length + faults.length === 0;
    if (isSame) return;
    recordEvent(this.bus, faults.length > 0 ? 'configuration.fileRefused' : 'configuration.fileLoaded', {
      subject: basename(file),
      data: { added, changed, removed, instance: this.bus.instanceId, ...(faults.length > 0 && { faults }) },
    });
  }

  /** Brings the upstream in line with the definition that is in force. */
  private run(slug: string): void {
    const server = this.fromFile.get(slug) ?? this.stored.get(slug);
    if (!server || server.fault !== undefined) {
      this.upstreams.remove(slug).catch(this.logFailure);
      return;
    }
    const isOfFile = server.source === 'file';
    this.upstreams.apply(toSpec(slug, server.definition, this.env, hostEnvironment, isOfFile));
  }

  private tell(slug: string, restart?: boolean): void {
    const { instanceId } = this.bus;
    this.bus
      .broadcast(serverChanged, { slug, instance: instanceId, ...(restart && { restart }) })
      .catch(this.logFailure);
  }

  private readonly logFailure = (error: unknown): void =>
    this.logger.error({ err: error }, 'a server could not be updated');
}

function isFilled(map: object | undefined): boolean {
  return map !== undefined && Object.keys(map).length > 0;
}

function taken(slug: string): AppError {
  return new AppError('conflict', `A server named "${slug}" exists`);
}

function invalid(error: z.ZodError): AppError {
  return new AppError('invalid_request', 'The definition would not be a valid one', {
    errors: error.issues.map(({ path, message }) => ({
      pointer: path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
      detail: message,
    })),
  });
}
