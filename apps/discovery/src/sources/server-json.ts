import type { Endpoint } from '@mcp-router/shared';
import { z } from 'zod';
import { kindOf } from './labels';

const Input = z.looseObject({
  name: z.string().optional(),
  value: z.string().optional(),
  default: z.string().optional(),
  valueHint: z.string().optional(),
  type: z.string().optional(),
});

const Remote = z.looseObject({
  type: z.string(),
  url: z.string(),
  headers: z.array(Input).nullish(),
  variables: z.record(z.string(), Input).nullish(),
});

const Package = z.looseObject({
  registryType: z.string(),
  identifier: z.string(),
  version: z.string().nullish(),
  runtimeHint: z.string().nullish(),
  runtimeArguments: z.array(Input).nullish(),
  packageArguments: z.array(Input).nullish(),
  environmentVariables: z.array(Input).nullish(),
});

/** What is common to `server.json` of the registry (2025-12-11) and a server card: read leniently, others wrote it. */
export const ServerJson = z.looseObject({
  name: z.string().min(1).max(200),
  title: z.string().max(200).nullish(),
  description: z.string().max(10_000).nullish(),
  version: z.string().max(255).nullish(),
  remotes: z.array(Remote).nullish().catch([]),
  packages: z.array(Package).nullish().catch([]),
});
export type ServerJson = z.infer<typeof ServerJson>;

/** The places a document names: remotes that need no value nobody has given, then packages. */
export function endpointsOf({ remotes, packages }: ServerJson): Endpoint[] {
  return [
    ...(remotes ?? []).flatMap((remote) => remoteEndpoint(remote) ?? []),
    ...(packages ?? []).map(packageEndpoint),
  ];
}

function remoteEndpoint({ type, url, headers, variables }: z.infer<typeof Remote>): Endpoint | undefined {
  const kind = kindOf(type);
  const filled = url.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = variables?.[name];
    return variable?.value ?? variable?.default ?? whole;
  });
  if (!kind || filled.includes('{') || !URL.canParse(filled) || !/^https?:/i.test(filled)) return undefined;
  return { kind, url: filled, headerNames: (headers ?? []).flatMap(({ name }) => name ?? []) };
}

const RUNTIMES: Record<string, string> = { npm: 'npx', pypi: 'uvx', oci: 'docker', nuget: 'dnx' };

function packageEndpoint(one: z.infer<typeof Package>): Endpoint {
  const runtime = one.runtimeHint ?? RUNTIMES[one.registryType];
  const words = (inputs: z.infer<typeof Input>[] | null | undefined) =>
    (inputs ?? []).flatMap((input) => {
      const value = input.value ?? input.default ?? `<${input.valueHint ?? input.name ?? 'value'}>`;
      return input.type === 'named' && input.name !== undefined ? [input.name, value] : [value];
    });
  const separator =
    one.registryType === 'npm' || one.registryType === 'nuget' ? '@' : one.registryType === 'oci' ? ':' : '==';
  const identifier = one.version ? `${one.identifier}${separator}${one.version}` : one.identifier;
  const command = runtime && [runtime, ...words(one.runtimeArguments), identifier, ...words(one.packageArguments)];
  return {
    kind: 'package',
    registry: one.registryType,
    identifier: one.identifier,
    ...(one.version ? { version: one.version } : {}),
    ...(command ? { suggestedCommand: command } : {}),
    envNames: (one.environmentVariables ?? []).flatMap(({ name }) => name ?? []),
  };
}
