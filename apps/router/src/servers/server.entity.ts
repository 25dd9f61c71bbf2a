import type { ServerDefinition } from '@mcp-router/shared';
import { Check, Column, Entity, PrimaryColumn, Unique } from 'typeorm';

/** A server registered over REST or by discovery; those of the file are not stored. */
@Entity({ schema: 'router', name: 'server' })
@Unique('server_slug_key', ['slug'])
@Check('server_source_check', `source IN ('rest', 'discovery')`)
export class ServerEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column({ type: 'text' }) slug!: string;
  @Column({ type: 'text' }) source!: 'rest' | 'discovery';
  /** Without `env`, `headers` and `oauth`. */
  @Column({ type: 'jsonb' }) definition!: Omit<ServerDefinition, 'env' | 'headers' | 'oauth'>;
  /** `{env, headers, oauth}` as JSON, encrypted (see `SecretBox`); null if the server has none of them. */
  @Column({ type: 'text', nullable: true }) secrets!: string | null;
  /** Grows with every change: the entity tag. */
  @Column({ type: 'integer', default: 1 }) version!: number;
  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' }) createdAt!: Date;
  @Column({ name: 'updated_at', type: 'timestamptz', default: () => 'now()' }) updatedAt!: Date;
}
