// Where the workspace is and what it holds.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The services, in the order in which they are started: the door opens last. */
export const APPS = ['router', 'discovery', 'monitor', 'analyzer', 'gateway'];
