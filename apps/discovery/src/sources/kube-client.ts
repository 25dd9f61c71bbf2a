import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Agent, type Dispatcher, request } from 'undici';
import { parse } from 'yaml';
import { z } from 'zod';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const IN_CLUSTER = 'https://kubernetes.default.svc';

const KubeConfig = z.looseObject({
  'current-context': z.string().optional(),
  contexts: z.array(
    z.looseObject({
      name: z.string(),
      context: z.looseObject({ cluster: z.string(), user: z.string(), namespace: z.string().optional() }),
    }),
  ),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.looseObject({
        server: z.string(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.string().optional(),
        'insecure-skip-tls-verify': z.boolean().optional(),
        'tls-server-name': z.string().optional(),
      }),
    }),
  ),
  users: z.array(
    z.looseObject({
      name: z.string(),
      user: z.looseObject({
        token: z.string().optional(),
        tokenFile: z.string().optional(),
        'client-certificate': z.string().optional(),
        'client-certificate-data': z.string().optional(),
        'client-key': z.string().optional(),
        'client-key-data': z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
      }),
    }),
  ),
});

/** An answer of the API server that is no success. */
export class KubeError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'KubeError';
  }

  /** The revision asked for is too old: everything has to be read anew. */
  get isGone(): boolean {
    return this.status === 410;
  }
}

/** A connection to one API server. The address comes from the operator's kubeconfig or from the pod itself. */
export class KubeClient {
  private constructor(
    private readonly server: string,
    private readonly authorization: () => Promise<string | undefined>,
    private readonly dispatcher: Dispatcher,
  ) {}

  /** With the pod's service account, whose token is read anew for each request: it is rotated. */
  static async inCluster(folder = SERVICE_ACCOUNT): Promise<KubeClient> {
    const ca = await readFile(join(folder, 'ca.crt'), 'utf8');
    const token = async () => `Bearer ${(await readFile(join(folder, 'token'), 'utf8')).trim()}`;
    return new KubeClient(IN_CLUSTER, token, new Agent({ connect: { ca } }));
  }

  /** @throws Error that says what the file lacks */
  static async fromKubeconfig(path: string, contextName?: string): Promise<KubeClient> {
    const file = path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
    const config = KubeConfig.parse(parse(await readFile(file, 'utf8')));
    const wanted = contextName ?? config['current-context'];
    const context = config.contexts.find(({ name }) => name === wanted)?.context;
    const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
    const user = config.users.find(({ name }) => name === context?.user)?.user;
    if (!cluster || !user) throw new Error(`${path} has no complete context "${wanted ?? ''}"`);
    const inline = async (data: string | undefined, name: string | undefined) => {
      if (data !== undefined) return Buffer.from(data, 'base64').toString();
      return name === undefined ? undefined : readFile(resolve(dirname(file), name), 'utf8');
    };
    const ca = await inline(cluster['certificate-authority-data'], cluster['certificate-authority']);
    const cert = await inline(user['client-certificate-data'], user['client-certificate']);
    const key = await inline(user['client-key-data'], user['client-key']);
    const dispatcher = new Agent({
      connect: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(cluster['tls-server-name'] === undefined ? {} : { servername: cluster['tls-server-name'] }),
        ...(cluster['insecure-skip-tls-verify'] ? { rejectUnauthorized: false } : {}),
      },
    });
    const authorization = async () => {
      if (user.tokenFile !== undefined)
        return `Bearer ${(await readFile(resolve(dirname(file), user.tokenFile), 'utf8')).trim()}`;
      if (user.token !== undefined) return `Bearer ${user.token}`;
      if (user.username === undefined) return undefined;
      return `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
    };
    return new KubeClient(cluster.server.replace(/\/$/, ''), authorization, dispatcher);
  }

  /** GET; the body is a stream. @throws KubeError for every status but 200 */
  async get(path: string, query: Record<string, string>, signal: AbortSignal, silenceMs: number) {
    const authorization = await this.authorization();
    const { statusCode, body } = await request(`${this.server}${path}`, {
      dispatcher: this.dispatcher,
      query,
      signal,
      headers: { accept: 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      headersTimeout: 30_000,
      bodyTimeout: silenceMs,
    });
    if (statusCode === 200) return body;
    const text = await body.text();
    throw new KubeError(statusCode, `the API server answers ${statusCode} to ${path}: ${text.slice(0, 200)}`);
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }
}
