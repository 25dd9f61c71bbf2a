import type { ToolPolicy } from '@mcp-router/shared';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RateLimit } from './access.schemas';

/** Who calls: a person's client, a program, a team. Keys belong to it, its policy says which tools it may use. */
@Entity({ schema: 'gateway', name: 'agent' })
export class AgentEntity {
  @PrimaryColumn('uuid') id!: string;
  @Column({ type: 'text', unique: true }) name!: string;
  @Column({ type: 'text' }) description!: string;
  @Column({ type: 'text' }) role!: 'admin' | 'member';
  @Column({ type: 'boolean' }) enabled!: boolean;
  @Column({ type: 'jsonb' }) policy!: ToolPolicy;
  @Column({ name: 'rate_limit', type: 'jsonb', nullable: true }) rateLimit!: RateLimit | null;
  @Column({ name: 'last_seen_at', type: 'timestamptz', nullable: true }) lastSeenAt!: Date | null;
  @Column({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
  @Column({ name: 'updated_at', type: 'timestamptz' }) updatedAt!: Date;
}
