import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SecretBox } from './secret-box';

/** Environment of every app that stores secrets. */
export const SecretEnv = {
  MCPR_SECRET_KEY: z
    .string()
    .min(16)
    .optional()
    .describe(
      'Key that stored secrets are encrypted with; without it one is generated in MCPR_DATA_DIR. Set it when there are several replicas',
    ),
  MCPR_SECRET_KEY_PREVIOUS: z
    .string()
    .min(16)
    .optional()
    .describe('The key before MCPR_SECRET_KEY, while secrets are rotated'),
};

export interface KeySettings {
  MCPR_SECRET_KEY?: string | undefined;
  MCPR_SECRET_KEY_PREVIOUS?: string | undefined;
  MCPR_DATA_DIR: string;
}

const FILE = 'secret.key';
/** Other apps that share the folder may not have encrypted anew yet. */
const KEPT_KEYS = 4;

/** The keys from the environment, or those of the generated file: one a line, newest first, readable by the owner only. */
export async function openSecretBox(settings: KeySettings): Promise<SecretBox> {
  const { MCPR_SECRET_KEY: key, MCPR_SECRET_KEY_PREVIOUS: previous, MCPR_DATA_DIR: folder } = settings;
  if (key !== undefined) return new SecretBox(previous === undefined ? [key] : [key, previous]);
  const path = join(folder, FILE);
  const keys = (await readKeys(path)) ?? (await makeFirstKey(path, folder));
  return new SecretBox(keys);
}

/** Puts a new key in front of the generated ones. Keys of the environment are changed there. */
export async function addGeneratedKey(settings: KeySettings): Promise<SecretBox> {
  if (settings.MCPR_SECRET_KEY !== undefined) return openSecretBox(settings);
  const path = join(settings.MCPR_DATA_DIR, FILE);
  const keys = [newKey(), ...((await readKeys(path)) ?? [])];
  await replaceFile(path, keys);
  return new SecretBox(keys);
}

/**
 * Forgets generated keys that nothing is encrypted with any more. The last ones before the current stay: a replica may be
 * writing with one at this moment.
 */
export async function dropOldKeys(settings: KeySettings): Promise<void> {
  if (settings.MCPR_SECRET_KEY !== undefined) return;
  const path = join(settings.MCPR_DATA_DIR, FILE);
  const keys = await readKeys(path);
  if (keys && keys.length > KEPT_KEYS) await replaceFile(path, keys.slice(0, KEPT_KEYS));
}

async function readKeys(path: string): Promise<string[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  const keys = text?.split('\n').filter((line) => line.trim() !== '');
  return keys && keys.length > 0 ? keys : undefined;
}

/** Of processes that start at once one makes the file; the others read it. */
async function makeFirstKey(path: string, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const key = newKey();
  try {
    await writeFile(path, `${key}\n`, { flag: 'wx', mode: 0o600 });
    return [key];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    for (let tries = 0; tries < 50; tries++) {
      const keys = await readKeys(path);
      if (keys) return keys;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${path} is empty; remove it if no secrets are stored`, { cause: error });
  }
}

async function replaceFile(path: string, keys: readonly string[]): Promise<void> {
  const next = `${path}.${process.pid}.new`;
  await writeFile(next, `${keys.join('\n')}\n`, { mode: 0o600 });
  await rename(next, path);
}

const newKey = (): string => randomBytes(32).toString('base64url');
