import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { configStatus, rotateSecretKey } from '@mcp-router/shared';
import type { z } from 'zod';
import { AdminOnly } from '../access/access.guard';

/** The router's configuration file, and the key of the stored secrets. */
@ApiTags('configuration')
@Controller('api/v1')
export class ConfigurationController {
  constructor(private readonly bus: Bus) {}

  /** What is in force of the file, and what is wrong with it as it is now: line, column, reason. */
  @Get('configuration')
  @ApiOperation({ summary: 'What is in force of the configuration file, and what is wrong with it' })
  @AdminOnly()
  @ApiResponse({ status: 200, standardSchema: configStatus.output })
  status(): Promise<z.output<typeof configStatus.output>> {
    return this.bus.call(configStatus, {});
  }

  /** Encrypts every stored secret with the newest key; a generated key is replaced by a new one first. */
  @Post('secrets/rotate')
  @ApiOperation({ summary: 'Encrypt every stored secret with the newest key' })
  @AdminOnly()
  @HttpCode(200)
  @ApiResponse({ status: 200, standardSchema: rotateSecretKey.output })
  rotate(): Promise<z.output<typeof rotateSecretKey.output>> {
    return this.bus.call(rotateSecretKey, {});
  }
}
