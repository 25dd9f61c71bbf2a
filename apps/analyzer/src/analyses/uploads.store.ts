import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { AppError } from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { Engine } from '../engine/engine';
import { TaskFailed } from '../engine/pool';
import type { UnpackedFile } from '../engine/unpack';
import { removeStale, withScratch } from './scratch';
import { batches, type Sources } from './sources';

const MAX_UPLOAD_BYTES = 50_000_000;
const KEPT_HOURS = 24;
const UNPACK_MS = 60_000;
const BATCH = 200;
const BATCH_BYTES = 8_000_000;

/** Sources that were sent: pieces until they are complete, then files by content. Kept for a day. */
@Injectable()
export class UploadsStore {
  constructor(
    private readonly database: DataSource,
    private readonly engine: Engine,
  ) {}

  async putPart(upload: string, index: number, data: string): Promise<void> {
    await this.database.query(
      `INSERT INTO analyzer.upload_part (upload_id, index, data) VALUES ($1, $2, decode($3, 'base64')) ON CONFLICT DO NOTHING`,
      [upload, index, data],
    );
  }

  async finish(
    upload: string,
    parts: number,
    kind: 'json' | 'zip' | 'tar',
  ): Promise<{ id: string; files: number; bytes: number; skipped: { path: string; reason: string }[] }> {
    return withScratch(async (folder) => {
      const archive = join(folder, 'archive');
      await this.join(upload, parts, archive);
      const { files, skipped } = await this.unpack(kind, archive, folder);
      await this.store(upload, files, skipped, folder);
      return { id: upload, files: files.length, bytes: sizeOf(files), skipped };
    });
  }

  /** Writes the pieces to a file, one after the other. */
  private async join(upload: string, parts: number, file: string): Promise<void> {
    const rows: { index: number; bytes: number }[] = await this.database.query(
      `SELECT index, octet_length(data) AS bytes FROM analyzer.upload_part WHERE upload_id = $1 ORDER BY index`,
      [upload],
    );
    if (rows.length !== parts)
      throw new AppError('invalid_request', `${rows.length} of ${parts} pieces of the upload have arrived`);
    if (sizeOf(rows) > MAX_UPLOAD_BYTES)
      throw new AppError('payload_too_large', `An upload has at most ${MAX_UPLOAD_BYTES} bytes`);
    for (const { index } of rows) {
      const [part]: { data: Buffer }[] = await this.database.query(
        `SELECT data FROM analyzer.upload_part WHERE upload_id = $1 AND index = $2`,
        [upload, index],
      );
      await appendFile(file, part?.data ?? Buffer.alloc(0));
    }
  }

  /** In a child process: archives are hostile until they are read. */
  private async unpack(
    kind: 'json' | 'zip' | 'tar',
    archive: string,
    folder: string,
  ): Promise<{ files: UnpackedFile[]; skipped: Sources['skipped'] }> {
    const result = await this.engine
      .run('unpack', { kind, archive, folder }, { timeoutMs: UNPACK_MS })
      .catch((error: unknown) => {
        if (!(error instanceof TaskFailed) || error.reason === 'cancelled') throw error;
        throw new AppError('limit_exceeded', `The archive cannot be read: ${error.message}`, { cause: error });
      });
    if ('refused' in result) throw new AppError(result.refused.code, result.refused.detail);
    return result;
  }

  private async store(
    upload: string,
    files: readonly UnpackedFile[],
    skipped: Sources['skipped'],
    folder: string,
  ): Promise<void> {
    await this.database.transaction(async (db) => {
      await db.query(`INSERT INTO analyzer.upload (id, bytes, skipped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, [
        upload,
        sizeOf(files),
        JSON.stringify(skipped),
      ]);
      // One order for all, so that two uploads of the same files do not wait for each other in a ring.
      const distinct = [...new Map(files.map((file) => [file.hash, file])).values()].sort((a, b) =>
        a.hash < b.hash ? -1 : 1,
      );
      for (const batch of batches(distinct, BATCH, BATCH_BYTES)) {
        const hashes = batch.map(({ hash }) => hash);
        const known: { hash: string }[] = await db
          .query(`UPDATE analyzer.blob SET created_at = now() WHERE hash = ANY($1::text[]) RETURNING hash`, [hashes])
          .then(([rows]: [{ hash: string }[], number]) => rows);
        const there = new Set(known.map(({ hash }) => hash));
        const missing = hashes.filter((hash) => !there.has(hash));
        await db.query(
          `INSERT INTO analyzer.blob (hash, content) SELECT * FROM unnest($1::text[], $2::bytea[])
           ON CONFLICT (hash) DO UPDATE SET created_at = now()`,
          [missing, await Promise.all(missing.map((hash) => readFile(join(folder, hash))))],
        );
      }
      for (const batch of batches(files, 2_000, Infinity))
        await db.query(
          `INSERT INTO analyzer.upload_file (upload_id, path, hash) SELECT $1, * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
          [upload, batch.map(({ path }) => path), batch.map(({ hash }) => hash)],
        );
      await db.query(`DELETE FROM analyzer.upload_part WHERE upload_id = $1`, [upload]);
    });
  }

  async skipped(upload: string): Promise<{ path: string; reason: string }[]> {
    const [row]: { skipped: { path: string; reason: string }[] }[] = await this.database.query(
      `SELECT skipped FROM analyzer.upload WHERE id = $1`,
      [upload],
    );
    if (!row)
      throw new AppError('not_found', `There is no upload "${upload}"`, {
        hint: `Uploads are kept for ${KEPT_HOURS} hours`,
      });
    return row.skipped;
  }

  /** The files of an upload, by what an analysis needs of them. */
  async sources(upload: string): Promise<Sources> {
    const files: UnpackedFile[] = await this.database.query(
      `SELECT file.path, file.hash, octet_length(blob.content) AS bytes
         FROM analyzer.upload_file AS file JOIN analyzer.blob ON blob.hash = file.hash
        WHERE file.upload_id = $1 ORDER BY file.path`,
      [upload],
    );
    return {
      files,
      skipped: await this.skipped(upload),
      root: null,
      read: async (wanted) => {
        const rows: { hash: string; content: Buffer }[] = await this.database.query(
          `SELECT hash, content FROM analyzer.blob WHERE hash = ANY($1::text[])`,
          [wanted.map(({ hash }) => hash)],
        );
        const contents = new Map(rows.map(({ hash, content }) => [hash, content]));
        return new Map(
          wanted.flatMap(({ path, hash = '' }): [string, Buffer][] => {
            const content = contents.get(hash);
            return content === undefined ? [] : [[path, content]];
          }),
        );
      },
    };
  }

  /** Deletes what is older than a day and belongs to no analysis that is still to run. */
  async prune(): Promise<void> {
    await removeStale();
    await this.database.query(`DELETE FROM analyzer.upload_part WHERE created_at < now() - interval '1 hour' * $1`, [
      KEPT_HOURS,
    ]);
    await this.database.query(
      `DELETE FROM analyzer.upload WHERE created_at < now() - interval '1 hour' * $1
          AND NOT EXISTS (SELECT FROM analyzer.analysis WHERE upload_id = upload.id AND state IN ('queued', 'running'))`,
      [KEPT_HOURS],
    );
    await this.database.query(
      `DELETE FROM analyzer.blob WHERE created_at < now() - interval '1 hour' * $1
          AND NOT EXISTS (SELECT FROM analyzer.upload_file AS file WHERE file.hash = blob.hash)`,
      [KEPT_HOURS],
    );
    await this.database.query(`DELETE FROM analyzer.file_result WHERE used_at < now() - interval '7 days'`);
  }
}

const sizeOf = (files: readonly { bytes: number }[]) => files.reduce((sum, { bytes }) => sum + bytes, 0);
