import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import { AgentEntity } from './agent.entity';

/** A credential of an agent. Only its SHA-256 is stored: keys are 256 random bits, so a slow hash would add nothing. */
@Entity({ schema: 'gateway', name: 'api_key' })
export class ApiKeyEntity {
  @PrimaryColumn('uuid') id!: string;
  @Index('api_key_agent_id_idx')
  @Column({ name: 'agent_id', type: 'uuid' })
  agentId!: string;
  @ManyToOne(() => AgentEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'agent_id', foreignKeyConstraintName: 'api_key_agent_id_fkey' })
  agent!: AgentEntity;
  @Column({ type: 'text' }) name!: string;
  /** Hex SHA-256 of the whole key. */
  @Column({ type: 'text', unique: true }) hash!: string;
  /** The first characters, so that a person can tell keys apart. */
  @Column({ type: 'text' }) prefix!: string;
  @Column({ name: 'expires_at', type: 'timestamptz', nullable: true }) expiresAt!: Date | null;
  @Column({ name: 'created_at', type: 'timestamptz' }) createdAt!: Date;
}
