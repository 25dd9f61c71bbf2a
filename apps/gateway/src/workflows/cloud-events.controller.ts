import { Body, Controller, Headers, HttpCode, Post, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ApiBody, ApiConsumes, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Bus } from '@mcp-router/platform';
import { AppError, CloudEvent, publishCloudEvents } from '@mcp-router/shared';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

const TYPES = ['application/cloudevents+json', 'application/cloudevents-batch+json'];
const Accepted = publishCloudEvents.output;

/** CloudEvents from outside, in each of the modes of their HTTP binding: structured, batched, binary. */
@ApiTags('workflows')
@Controller('api/v1/cloudevents')
export class CloudEventsController implements OnModuleInit {
  constructor(
    private readonly bus: Bus,
    private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const http: FastifyInstance = this.host.httpAdapter.getInstance();
    for (const type of TYPES)
      if (!http.hasContentTypeParser(type))
        http.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, done) => {
          try {
            done(null, JSON.parse(String(body)));
          } catch (error) {
            done(new AppError('malformed_json', 'The body is not JSON', { cause: error }));
          }
        });
  }

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Tells events to the runs that listen for them and to the workflows that start on them' })
  @ApiConsumes(...TYPES, 'application/json')
  @ApiBody({ standardSchema: CloudEvent } as never)
  @ApiResponse({ status: 202, standardSchema: Accepted })
  publish(
    @Headers() headers: Record<string, string | undefined>,
    @Body() body: unknown,
  ): Promise<z.output<typeof Accepted>> {
    const given = headers['ce-specversion'] === undefined ? body : inBinaryMode(headers, body);
    const parsed = publishCloudEvents.input.safeParse({ events: Array.isArray(given) ? given : [given] });
    if (!parsed.success)
      throw new AppError('invalid_request', 'The body is not a CloudEvent', {
        errors: parsed.error.issues.map(({ path, message }) => ({
          pointer: `/${path.slice(1).join('/')}`,
          detail: message,
        })),
        hint: 'It needs `id`, `source` and `type`; without the headers `ce-…` they stand in the body',
      });
    return this.bus.call(publishCloudEvents, parsed.data);
  }
}

/** Attributes in headers, percent-encoded, and the data in the body. */
function inBinaryMode(headers: Record<string, string | undefined>, data: unknown): Record<string, unknown> {
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith('ce-') && value !== undefined ? [[name.slice(3), decoded(value)] as const] : [],
  );
  const type = headers['content-type'];
  return {
    ...Object.fromEntries(attributes),
    ...(type === undefined ? {} : { datacontenttype: type }),
    ...(data === undefined || data === null ? {} : { data }),
  };
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
