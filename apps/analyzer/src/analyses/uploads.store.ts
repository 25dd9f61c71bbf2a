import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { AppError } from '@mcp-router/shared';
import { DataSource } from 'typeorm';
import { unpack } from './archive';

const MAX_UPLOAD_BYTES = 50_000_000;
const KEPT_HOURS = 24;

export interface UploadedFile {
  path: string;
  hash: string;
}

/** Sources that were sent: pieces until they are complete, then files by content. Kept for a day. */
@Injectable()
export class UploadsStore {
  constructor(private readonly database: DataSource) {}

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
    const rows: { data: Buffer }[] = await this.database.query(
      `SELECT data FROM analyzer.upload_part WHERE upload_id = $1 ORDER BY index`,
      [upload],
    );
    if (rows.length !== parts)
      throw new AppError('invalid_request', `${rows.length} of ${parts} pieces of the upload have arrived`);
    const data = Buffer.concat(rows.map((row) => row.data));
    if (data.length > MAX_UPLOAD_BYTES)
      throw new AppError('payload_too_large', `An upload has at most ${MAX_UPLOAD_BYTES} bytes`);
    const { files, skipped } = await unpack(kind, data);
    const hashed = files.map(({ path, content }) => ({
      path,
      content,
      hash: createHash('sha256').update(content).digest('hex'),
    }));
    const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
    await this.database.transaction(async (db) => {
      await db.query(`INSERT INTO analyzer.upload (id, bytes, skipped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, [
        upload,
        bytes,
        JSON.stringify(skipped),
      ]);
      for (let from = 0; from < hashed.length; from += 200) {
        const batch = hashed.slice(from, from + 200);
        // One order for all, so that two uploads of the same files do not wait for each other in a ring.
        const distinct = [...new Map(batch.map((file) => [file.hash, file])).values()].sort((a, b) =>
          a.hash < b.hash ? -1 : 1,
        );
        await db.query(
          `INSERT INTO analyzer.blob (hash, content) SELECT * FROM unnest($1::text[], $2::bytea[])
           ON CONFLICT (hash) DO UPDATE SET created_at = now()`,
          [distinct.map(({ hash }) => hash), distinct.map(({ content }) => content)],
        );
        await db.query(
          `INSERT INTO analyzer.upload_file (upload_id, path, hash) SELECT $1, * FROM unnest($2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
          [upload, batch.map(({ path }) => path), batch.map(({ hash }) => hash)],
        );
      }
      await db.query(`DELETE FROM analyzer.upload_part WHERE upload_id = $1`, [upload]);
    });
    return { id: upload, files: files.length, bytes, skipped };
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

  async files(upload: string): Promise<{ path: string; content: Buffer }[]> {
    return this.database.query(
      `SELECT file.path, blob.content FROM analyzer.upload_file AS file JOIN analyzer.blob ON blob.hash = file.hash
        WHERE file.upload_id = $1 ORDER BY file.path`,
      [upload],
    );
  }

  /** Deletes what is older than a day and belongs to no analysis that is still to run. */
  async prune(): Promise<void> {
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
