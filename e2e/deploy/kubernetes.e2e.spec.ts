import { execFileSync, spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseAllDocuments, parse } from 'yaml';
import { ROOT } from '../system/service';
import { APPS, schemaOf, unknownVariables } from './environment';
import { schemaFaults, type Manifest, type Source } from './kubernetes-schema';

const K8S = join(ROOT, 'k8s');
const OVERLAYS = ['dev', 'prod'];
/** Strategic merge patches; the other patches are lists of JSON Patch operations. */
const PATCHES = ['overlays/prod/gateway.yaml'];

interface Container {
  name: string;
  env?: { name: string; valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } } }[];
  envFrom?: { configMapRef: { name: string } }[];
  securityContext: Record<string, unknown>;
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  lifecycle?: { preStop: { exec: { command: string[] } } };
  [probe: `${string}Probe`]: { httpGet: { path: string; port: string } } | undefined;
}
interface Deployment extends Manifest {
  spec: {
    template: {
      spec: {
        serviceAccountName: string;
        securityContext: object;
        terminationGracePeriodSeconds: number;
        containers: Container[];
      };
    };
  };
}

interface Egress {
  podSelector: { matchExpressions: { key: string; operator: string; values: string[] }[] };
  egress: object[];
}

/** What the Secret gives. */
const REQUIRED = { DATABASE_URL: 'postgres://x', ADMIN_KEY: 'at least sixteen characters' };
const withoutEmpty = (env: Record<string, string>) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

const files = async () =>
  (await readdir(K8S, { recursive: true })).filter(
    (path) => path.endsWith('.yaml') && !path.endsWith('kustomization.yaml'),
  );

const documents = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS() as unknown);

async function sources(): Promise<Source[]> {
  const all = await Promise.all(
    (await files()).map(async (file) =>
      documents(await readFile(join(K8S, file), 'utf8'))
        .filter((document) => !Array.isArray(document))
        .map((document) => ({ file, manifest: document as Manifest, isPatch: PATCHES.includes(file) })),
    ),
  );
  return all.flat();
}

async function find(file: string, kind: string): Promise<Manifest> {
  const found = (await sources()).find((source) => source.file === file && source.manifest.kind === kind);
  if (!found) throw new Error(`${file} has no ${kind}`);
  return found.manifest;
}

const deploymentOf = async (app: string) => (await find(`base/${app}/${app}.yaml`, 'Deployment')) as Deployment;

describe('the manifests', () => {
  it('are what the Kubernetes API allows, key by key', async () => {
    expect(schemaFaults(await sources())).toEqual([]);
  });

  it('would not pass with a misspelt key or a wrong type', async () => {
    const deployment = await deploymentOf('gateway');
    const container = { ...deployment.spec.template.spec.containers[0], imagePullPolice: 'Always' };
    const spec = { ...deployment.spec, replicas: '2' };
    const misspelt = structuredClone(deployment);
    misspelt.spec.template.spec.containers = [container as unknown as Container];
    const faults = schemaFaults([
      { file: 'misspelt', manifest: misspelt },
      { file: 'wrong type', manifest: { ...deployment, spec } },
      { file: 'patch', manifest: { ...deployment, spec: { replicaz: 1 } }, isPatch: true },
    ]);
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(['misspelt', 'wrong type', 'patch']);
  });

  it('are each part of an overlay', async () => {
    const listed = new Set<string>();
    for (const path of await readdir(K8S, { recursive: true })) {
      if (!path.endsWith('kustomization.yaml')) continue;
      const kustomization = parse(await readFile(join(K8S, path), 'utf8')) as {
        resources: string[];
        patches?: { path: string }[];
      };
      for (const entry of [...kustomization.resources, ...(kustomization.patches ?? []).map((patch) => patch.path)])
        listed.add(join(dirname(path), entry));
    }
    expect((await files()).filter((file) => !listed.has(file))).toEqual(['secret.template.yaml']);
    expect(APPS.filter((app) => !listed.has(`base/${app}`))).toEqual([]);
  });
});

describe.each(APPS)('%s', (app) => {
  it('runs with no more rights than it needs', async () => {
    const { serviceAccountName, securityContext, containers } = (await deploymentOf(app)).spec.template.spec;
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const container of containers) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
    const account = await find(`base/${app}/${app}.yaml`, 'ServiceAccount');
    expect(account.metadata.name).toBe(serviceAccountName);
    // Only discovery talks to the API server.
    expect(account['automountServiceAccountToken']).toBe(app === 'discovery');
  });

  it('is given the time to finish its calls before it is killed', async () => {
    const { terminationGracePeriodSeconds: grace, containers } = (await deploymentOf(app)).spec.template.spec;
    const config = (await find('base/config.yaml', 'ConfigMap')) as Manifest & { data: Record<string, string> };
    const waitBefore = /(\d+)\)$/.exec(containers[0]?.lifecycle?.preStop.exec.command.at(-1) ?? '0)')?.[1];
    const drainMs = Number(config.data['SHUTDOWN_TIMEOUT_MS']);
    expect(drainMs).toBeGreaterThanOrEqual(60_000);
    expect(grace * 1_000).toBeGreaterThanOrEqual(Number(waitBefore) + drainMs + 5_000);
  });

  it('is asked whether it lives and is ready, and has bounds', async () => {
    for (const container of (await deploymentOf(app)).spec.template.spec.containers) {
      const paths = ['startupProbe', 'livenessProbe', 'readinessProbe'].map(
        (probe) => container[probe as `${string}Probe`]?.httpGet,
      );
      expect(paths).toEqual([
        { path: '/health/live', port: 'health' },
        { path: '/health/live', port: 'health' },
        { path: '/health/ready', port: 'health' },
      ]);
      expect(Object.keys(container.resources.requests)).toEqual(['cpu', 'memory']);
      expect(Object.keys(container.resources.limits)).toEqual(['cpu', 'memory']);
    }
  });

  it('has a Service, a budget for disruptions, an autoscaler and a network policy', async () => {
    const kinds = (await sources())
      .filter(({ file }) => file === `base/${app}/${app}.yaml`)
      .map((source) => source.manifest.kind);
    expect(kinds).toEqual(
      expect.arrayContaining(['Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler', 'NetworkPolicy']),
    );
  });

  it('sends metrics and traces to the collector that the ConfigMap names, and may reach it', async () => {
    const { data } = (await find('base/config.yaml', 'ConfigMap')) as Manifest & { data: Record<string, string> };
    const [container] = (await deploymentOf(app)).spec.template.spec.containers;
    expect(container?.envFrom).toContainEqual({ configMapRef: { name: 'mcp-router' } });
    // Off as it comes: an empty variable is one that is not set.
    expect((await schemaOf(app)).safeParse(withoutEmpty({ ...REQUIRED, ...data })).success).toBe(true);
    expect(data['OTEL_EXPORTER_OTLP_ENDPOINT']).toBe('');
    const headers = container?.env?.find(({ name }) => name === 'OTEL_EXPORTER_OTLP_HEADERS');
    expect(headers?.valueFrom?.secretKeyRef).toMatchObject({ name: 'mcp-router', optional: true });
    const policy = (await find('base/telemetry.yaml', 'NetworkPolicy')) as Manifest & { spec: Egress };
    expect(policy.spec.podSelector.matchExpressions[0]?.values).toContain(app);
    expect(policy.spec.egress).toEqual([{ ports: [{ port: 4318, protocol: 'TCP' }] }]);
  });

  it('is given only variables that it reads, from a ConfigMap and a Secret that have them', async () => {
    const all = await sources();
    const keysOf = (kind: string, field: string) =>
      Object.keys(
        all.find(({ manifest }) => manifest.kind === kind && manifest.metadata.name === 'mcp-router')?.manifest[
          field
        ] ?? {},
      );
    const containers = [
      ...(await deploymentOf(app)).spec.template.spec.containers,
      ...all
        .filter(({ isPatch, manifest }) => isPatch === true && manifest.metadata.name === app)
        .flatMap(({ manifest }) => (manifest as Deployment).spec.template.spec.containers),
    ];
    const variables = containers.flatMap(({ env = [] }) => env);
    const shared = containers.some(({ envFrom }) => envFrom !== undefined) ? keysOf('ConfigMap', 'data') : [];
    expect(await unknownVariables(app, [...variables.map(({ name }) => name), ...shared])).toEqual([]);
    const secrets = variables.flatMap(({ valueFrom }) => (valueFrom ? [valueFrom.secretKeyRef.key] : []));
    expect(keysOf('Secret', 'stringData')).toEqual(expect.arrayContaining(secrets));
  });
});

const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;
const itWithKubectl = hasKubectl ? it : it.skip;

itWithKubectl.each(OVERLAYS)('the overlay %s renders to valid manifests in one namespace', (overlay) => {
  const output = execFileSync('kubectl', ['kustomize', join(K8S, 'overlays', overlay)], { encoding: 'utf8' });
  const manifests = documents(output) as Manifest[];
  expect(schemaFaults(manifests.map((manifest) => ({ file: overlay, manifest })))).toEqual([]);
  const account = manifests.find(({ kind }) => kind === 'ClusterRoleBinding') as unknown as { subjects: object[] };
  expect(account.subjects).toEqual([
    { kind: 'ServiceAccount', name: 'discovery', namespace: overlay === 'dev' ? 'mcp-router-dev' : 'mcp-router' },
  ]);
});
