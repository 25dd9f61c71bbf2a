import { Body, Controller, Delete, Get, Param, Put } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Flag, pageOf, type Page } from '@mcp-router/shared';
import { z } from 'zod';
import { AdminOnly } from '../access/access.guard';
import { FlagsService } from './flags.service';

const FlagSetting = z.strictObject({ enabled: z.boolean() }).meta({ id: 'FlagSetting' });
type FlagSetting = z.infer<typeof FlagSetting>;

/** Feature flags: an override holds in every replica within a second; deleting it brings the default back. */
@ApiTags('flags')
@Controller('api/v1/flags')
export class FlagsController {
  constructor(private readonly flags: FlagsService) {}

  @Get()
  @ApiOperation({ summary: 'All feature flags' })
  @ApiResponse({ status: 200, standardSchema: pageOf(Flag) })
  async list(): Promise<Page<Flag>> {
    return { items: await this.flags.list(), nextCursor: null };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One feature flag' })
  @ApiResponse({ status: 200, standardSchema: Flag })
  get(@Param('name') name: string): Promise<Flag> {
    return this.flags.get(name);
  }

  @Put(':name')
  @ApiOperation({ summary: 'Override a flag in every replica' })
  @AdminOnly()
  @ApiResponse({ status: 200, standardSchema: Flag })
  set(@Param('name') name: string, @Body({ schema: FlagSetting }) { enabled }: FlagSetting): Promise<Flag> {
    return this.flags.set(name, enabled);
  }

  @Delete(':name')
  @ApiOperation({ summary: 'Back to the default' })
  @AdminOnly()
  @ApiResponse({ status: 200, standardSchema: Flag })
  reset(@Param('name') name: string): Promise<Flag> {
    return this.flags.reset(name);
  }
}
