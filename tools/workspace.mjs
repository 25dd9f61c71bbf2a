// Where the workspace is and what it holds.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** What the main job needs comes first; the others start when these are up. */
export const MAIN_APPS = ['router', 'gateway'];
export const APPS = [...MAIN_APPS, 'discovery', 'monitor', 'analyzer'];
