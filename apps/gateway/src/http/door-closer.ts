import type { Server } from 'node:http';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { ENV } from '@mcp-router/platform';
import type { GatewayEnv } from '../config';
import { McpEdge } from '../mcp/mcp-edge';
import type { HttpDrain } from './http-drain';

/** Closes the door in order: while everything that answers requests is still there. */
@Injectable()
export class DoorCloser implements BeforeApplicationShutdown {
  private door: { server: Server; drain: HttpDrain } | undefined;

  constructor(
    private readonly edge: McpEdge,
    @Inject(ENV) private readonly env: GatewayEnv,
  ) {}

  useDoor(server: Server, drain: HttpDrain): void {
    this.door = { server, drain };
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.door?.drain.drain(this.door.server, this.env.SHUTDOWN_TIMEOUT_MS, () => this.edge.endStreams());
    this.edge.close();
  }
}
