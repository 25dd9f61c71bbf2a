import { Body, Controller, Delete, Get, HttpCode, Param, Put, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { listSecrets, putSecret, removeSecret, Secret, SecretValue } from '@mcp-router/shared';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';

const NewValue = z.strictObject({ value: SecretValue }).meta({ id: 'NewSecretValue' });

/** Secrets that workflows name under `use.secrets`. They are written and never read. */
@ApiTags('workflows')
@AdminOnly()
@Controller('api/v1/secrets')
export class SecretsController {
  constructor(private readonly bus: Bus) {}

  @Get()
  @ApiOperation({ summary: 'Names of the stored secrets; values are never given' })
  @ApiResponse({ status: 200, standardSchema: listSecrets.output })
  list(): Promise<z.output<typeof listSecrets.output>> {
    return this.bus.call(listSecrets, {});
  }

  @Put(':name')
  @ApiOperation({ summary: 'Stores a secret, or another value for it' })
  @ApiResponse({ status: 200, standardSchema: Secret })
  @ApiResponse({ status: 201, standardSchema: Secret })
  async put(
    @Param('name') name: string,
    @Body({ schema: NewValue }) { value }: z.output<typeof NewValue>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Secret> {
    const { isNew, ...secret } = await this.bus.call(putSecret, { name, value });
    void reply.status(isNew ? 201 : 200);
    return secret;
  }

  @Delete(':name')
  @HttpCode(204)
  @ApiOperation({ summary: 'Removes a secret; runs that read it fault from then on' })
  async remove(@Param('name') name: string): Promise<void> {
    await this.bus.call(removeSecret, { name });
  }
}
