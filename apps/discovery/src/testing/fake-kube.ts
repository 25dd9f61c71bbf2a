import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ServerResponse, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listening } from './fake-mcp';

interface KubeObject {
  metadata: { name: string; namespace: string; resourceVersion?: string; [field: string]: unknown };
  [field: string]: unknown;
}
interface Logged {
  revision: number;
  collection: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
}

const COLLECTIONS: Record<string, string> = {
  '/api/v1/services': 'services',
  '/apis/discovery.k8s.io/v1/endpointslices': 'slices',
};

/** The part of a Kubernetes API server that lists and watches, with revisions, pages, bookmarks, 410 and cut connections. */
export async function fakeKube() {
  const objects: Record<string, Map<string, KubeObject>> = { services: new Map(), slices: new Map() };
  const log: Logged[] = [];
  const watches = new Set<{ response: ServerResponse; collection: string }>();
  const seen = { lists: 0, watches: 0, authorization: '' };
  let revision = 1;
  let oldest = 0;
  const send = (response: ServerResponse, type: string, object: unknown) =>
    response.write(`${JSON.stringify({ type, object })}\n`);
  const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://kube');
    seen.authorization = request.headers.authorization ?? '';
    const collection = COLLECTIONS[url.pathname];
    if (!collection) return void response.writeHead(404).end('{}');
    response.setHeader('content-type', 'application/json');
    if (!url.searchParams.has('watch')) {
      seen.lists++;
      const all = [...(objects[collection]?.values() ?? [])];
      const from = Number(url.searchParams.get('continue') ?? 0);
      const limit = Number(url.searchParams.get('limit') ?? 500);
      const rest = from + limit < all.length ? { continue: String(from + limit) } : {};
      const metadata = { resourceVersion: String(revision), ...rest };
      return void response.end(JSON.stringify({ kind: 'List', metadata, items: all.slice(from, from + limit) }));
    }
    seen.watches++;
    const from = Number(url.searchParams.get('resourceVersion'));
    if (from < oldest) {
      // Both ways in which a server says so.
      if (seen.watches % 2 === 0) return void response.writeHead(410).end(JSON.stringify(gone));
      send(response, 'ERROR', gone);
      return void response.end();
    }
    response.flushHeaders();
    for (const one of log)
      if (one.revision > from && one.collection === collection) send(response, one.type, one.object);
    const watch = { response, collection };
    watches.add(watch);
    response.on('close', () => watches.delete(watch));
  });
  const { port, close, cut } = await listening(server);
  const folder = await mkdtemp(join(tmpdir(), 'kube-'));
  const kubeconfig = join(folder, 'config');
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: 'u', user: { token: 'kube-token' } }],
    }),
  );

  const put = (collection: string, type: Logged['type'], object: KubeObject) => {
    revision++;
    const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    log.push({ revision, collection, type, object: stamped });
    for (const watch of watches) if (watch.collection === collection) send(watch.response, type, stamped);
    return stamped;
  };
  return {
    kubeconfig,
    seen,
    watches,
    set(collection: 'services' | 'slices', object: KubeObject) {
      const { namespace, name } = object.metadata;
      const all = objects[collection]!;
      const key = `${namespace}/${name}`;
      all.set(key, put(collection, all.has(key) ? 'MODIFIED' : 'ADDED', object));
    },
    remove(collection: 'services' | 'slices', key: string) {
      const object = objects[collection]!.get(key);
      if (!object) return;
      objects[collection]!.delete(key);
      put(collection, 'DELETED', object);
    },
    bookmark() {
      revision++;
      for (const { response } of watches)
        send(response, 'BOOKMARK', { kind: 'Service', metadata: { resourceVersion: String(revision) } });
    },
    /** Everything before now is forgotten: whoever comes with an older revision begins anew. */
    compact() {
      log.length = 0;
      oldest = revision;
    },
    /** Watches end in the middle of a line. */
    cut() {
      for (const { response } of watches) response.write('{"type":"ADDED","obj');
      cut();
    },
    async close() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const service = (name: string, metadata: object = {}, ports: object[] = [{ port: 8080 }]) => ({
  metadata: { name, namespace: 'default', annotations: { 'mcp.server': 'true' }, ...metadata },
  spec: { ports },
});
export const slice = (name: string, ready: boolean | null = true, number = 1) => ({
  metadata: { name: `${name}-${number}`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  endpoints: [{ addresses: ['10.0.0.1'], conditions: ready === null ? {} : { ready } }],
});
