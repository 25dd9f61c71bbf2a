import { z } from 'zod';
import { jsonLines } from './json-lines';
import { type KubeClient, KubeError } from './kube-client';

export interface KubeObject {
  metadata: {
    name: string;
    namespace?: string | undefined;
    resourceVersion?: string | undefined;
    labels?: Record<string, string> | null | undefined;
    annotations?: Record<string, string> | null | undefined;
  };
  [field: string]: unknown;
}

const ObjectShape = z.looseObject({
  metadata: z.looseObject({
    name: z.string().default(''),
    namespace: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
});
const List = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(ObjectShape).nullish(),
});
const Event = z.looseObject({ type: z.string(), object: z.looseObject({}) });

const PAGE = 500;
const LIST_TIMEOUT_MS = 30_000;
/** How long the server keeps a watch open, and how long it may be silent: bookmarks come about once a minute. */
const WATCH_SECONDS = 290;
const SILENCE_MS = 300_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 10_000;
/** Without a connection for so long, the source is reported as away; what it said stays. */
const FAILURES_BEFORE_GIVING_UP = 5;

export interface KubeListener {
  /** Everything there is. */
  replaced(objects: KubeObject[]): Promise<void>;
  changed(object: KubeObject): Promise<void>;
  deleted(object: KubeObject): Promise<void>;
}

/**
 * Lists a collection and watches it from there, for ever: a watch that ends goes on from the last revision seen
 * (bookmarks count), one whose revision is too old (410) begins again with a list.
 *
 * @throws the last error when the API server is away for several tries in a row, or refuses (401, 403, 404)
 */
export async function listAndWatch(
  client: KubeClient,
  path: string,
  query: Record<string, string>,
  listener: KubeListener,
  signal: AbortSignal,
): Promise<void> {
  let revision: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (revision === undefined) {
        const { objects, resourceVersion } = await list(client, path, query, signal);
        await listener.replaced(objects);
        revision = resourceVersion;
      }
      const watching = watch(client, path, { ...query, resourceVersion: revision }, listener, signal);
      for await (const seen of watching) {
        revision = seen;
        failures = 0;
      }
    } catch (error) {
      if (isAborted(signal)) return;
      if (error instanceof KubeError && error.isGone) {
        revision = undefined;
        continue;
      }
      const isRefused = error instanceof KubeError && [401, 403, 404].includes(error.status);
      if (isRefused || ++failures >= FAILURES_BEFORE_GIVING_UP) throw error;
    }
    const pause =
      failures === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Read anew at each call: a loop's condition does not tell the compiler what happened during an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function list(client: KubeClient, path: string, query: Record<string, string>, signal: AbortSignal) {
  const objects: KubeObject[] = [];
  let from: string | undefined;
  for (;;) {
    const page = { ...query, limit: String(PAGE), ...(from === undefined ? {} : { continue: from }) };
    const body = await client.get(path, page, signal, LIST_TIMEOUT_MS);
    const { metadata, items } = List.parse(await body.json());
    objects.push(...(items ?? []));
    from = metadata.continue || undefined;
    if (from === undefined) return { objects, resourceVersion: metadata.resourceVersion };
  }
}

/** Yields each revision after what it brought has been taken. */
async function* watch(
  client: KubeClient,
  path: string,
  query: Record<string, string>,
  listener: KubeListener,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const watching = { ...query, watch: '1', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SECONDS) };
  const body = await client.get(path, watching, signal, SILENCE_MS);
  for await (const line of jsonLines(body)) {
    const { type, object } = Event.parse(line);
    if (type === 'ERROR') {
      const { code, message } = object as { code?: number; message?: string };
      throw new KubeError(code ?? 500, message ?? 'the watch failed');
    }
    const seen = ObjectShape.parse(object);
    if (type === 'ADDED' || type === 'MODIFIED') await listener.changed(seen);
    else if (type === 'DELETED') await listener.deleted(seen);
    if (seen.metadata.resourceVersion !== undefined) yield seen.metadata.resourceVersion;
  }
}
