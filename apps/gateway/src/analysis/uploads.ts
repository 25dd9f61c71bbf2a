import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Bus } from '@mcp-router/platform';
import { AppError, finishUpload, putUploadPart } from '@mcp-router/shared';
import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';

const PART_BYTES = 512 * 1024;
const MAX_BYTES = 50_000_000;
const KINDS: Record<string, 'zip' | 'tar'> = {
  'application/zip': 'zip',
  'application/x-zip-compressed': 'zip',
  'application/gzip': 'tar',
  'application/x-gzip': 'tar',
  'application/x-tar': 'tar',
};

type Stored = z.output<typeof finishUpload.output>;

/** @throws AppError `unsupported_media_type` */
export function archiveKind(contentType = ''): 'zip' | 'tar' {
  const kind = KINDS[contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''];
  if (!kind)
    throw new AppError('unsupported_media_type', 'An upload is a zip or a tar archive', {
      hint: `Send one of ${Object.keys(KINDS).join(', ')}`,
    });
  return kind;
}

/** Passes archives on to the analyzer in pieces that fit through the bus. */
@Injectable()
export class Uploads implements OnModuleInit {
  constructor(
    private readonly bus: Bus,
    private readonly host: HttpAdapterHost,
  ) {}

  /** Archives are not parsed at the door: their body stays a stream. */
  onModuleInit(): void {
    const http: FastifyInstance = this.host.httpAdapter.getInstance();
    for (const type of Object.keys(KINDS))
      if (!http.hasContentTypeParser(type)) http.addContentTypeParser(type, (_request, body, done) => done(null, body));
  }

  async receive(kind: 'zip' | 'tar', body: unknown): Promise<Stored> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new AppError('payload_too_large', `An upload has at most ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return this.store(kind, Buffer.concat(chunks));
  }

  async store(kind: 'json' | 'zip' | 'tar', data: Buffer): Promise<Stored> {
    const upload = randomUUID();
    const parts = Math.max(1, Math.ceil(data.length / PART_BYTES));
    for (let index = 0; index < parts; index++)
      await this.bus.call(putUploadPart, {
        upload,
        index,
        data: data.subarray(index * PART_BYTES, (index + 1) * PART_BYTES).toString('base64'),
      });
    return this.bus.call(finishUpload, { upload, parts, kind });
  }
}
