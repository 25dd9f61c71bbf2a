import type { Endpoint } from '@mcp-router/shared';
import { z } from 'zod';
import { type Input, type Template, openIn } from './inputs';
import { kindOf } from './labels';

const Value = z.looseObject({
  name: z.string().max(256).optional(),
  value: z.string().optional(),
  default: z.string().optional(),
  valueHint: z.string().optional(),
  type: z.string().optional(),
  description: z.string().optional().catch(undefined),
  isRequired: z.boolean().optional().catch(undefined),
  isSecret: z.boolean().optional().catch(undefined),
  choices: z.array(z.string()).nullish().catch(undefined),
});
const Described = Value.extend({ variables: z.record(z.string(), Value).nullish().catch(undefined) });
type Described = z.infer<typeof Described>;

const Remote = z.looseObject({
  type: z.string(),
  url: z.string(),
  headers: z.array(Described).nullish(),
  variables: z.record(z.string(), Value).nullish(),
});

const Package = z.looseObject({
  registryType: z.string(),
  identifier: z.string(),
  version: z.string().nullish(),
  runtimeHint: z.string().nullish(),
  runtimeArguments: z.array(Described).nullish(),
  packageArguments: z.array(Described).nullish(),
  environmentVariables: z.array(Described).nullish(),
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

/** A place that a document names, and what somebody has to fill in before it can be used. */
export interface Place {
  endpoint: Endpoint;
  template?: Template;
  inputs?: Input[];
}

/** The places a document names: remotes, then packages. */
export function placesOf({ remotes, packages }: ServerJson): Place[] {
  return [...(remotes ?? []).flatMap((remote) => remotePlace(remote) ?? []), ...(packages ?? []).map(packagePlace)];
}

function remotePlace({ type, url, headers, variables }: z.infer<typeof Remote>): Place | undefined {
  const kind = kindOf(type);
  const inputs: Input[] = [];
  const filled = fill(url, variables, inputs);
  // There is no half an address.
  for (const input of inputs) input.required = true;
  const sample = filled.replaceAll(/\{[^{}]*\}/g, 'x');
  if (!kind || !URL.canParse(sample) || !/^https?:/i.test(sample)) return undefined;
  const templates = named(headers, inputs);
  const endpoint = { kind, url: filled, headerNames: (headers ?? []).flatMap(({ name }) => name ?? []) };
  return place(endpoint, isFilled(templates) ? { headers: templates } : {}, inputs);
}

const RUNTIMES: Record<string, string> = { npm: 'npx', pypi: 'uvx', oci: 'docker', nuget: 'dnx' };
const SEPARATORS: Record<string, string> = { npm: '@', nuget: '@', oci: ':' };
/** What a runtime needs to be told so that it asks nobody and talks on its stdin and stdout. */
const PREFACES: Record<string, string[]> = { npx: ['-y'], docker: ['run', '-i', '--rm'] };

function packagePlace(one: z.infer<typeof Package>): Place {
  const inputs: Input[] = [];
  const runtime = one.runtimeHint ?? RUNTIMES[one.registryType];
  const words = (values: Described[] | null | undefined) =>
    (values ?? []).flatMap((value) => {
      const text = wordOf(value, inputs);
      return value.type === 'named' && value.name !== undefined ? [value.name, ...text] : text;
    });
  const identifier = one.version
    ? `${one.identifier}${SEPARATORS[one.registryType] ?? '=='}${one.version}`
    : one.identifier;
  const given = words(one.runtimeArguments);
  const preface = (PREFACES[runtime ?? ''] ?? []).filter((word) => !given.includes(word));
  const command = runtime && [runtime, ...preface, ...given, identifier, ...words(one.packageArguments)];
  const env = named(one.environmentVariables, inputs);
  const endpoint = {
    kind: 'package' as const,
    registry: one.registryType,
    identifier: one.identifier,
    ...(one.version ? { version: one.version } : {}),
    ...(command ? { suggestedCommand: command } : {}),
    envNames: (one.environmentVariables ?? []).flatMap(({ name }) => name ?? []),
  };
  return place(endpoint, { ...(command ? { command } : {}), ...(isFilled(env) ? { env } : {}) }, inputs);
}

function place(endpoint: Endpoint, template: Template, inputs: Input[]): Place {
  return {
    endpoint,
    ...(Object.keys(template).length > 0 ? { template } : {}),
    ...(inputs.length > 0 ? { inputs } : {}),
  };
}

/** Headers or variables by name; what has no value is left open under its own name. */
function named(values: Described[] | null | undefined, inputs: Input[]): Record<string, string> {
  const templates: Record<string, string> = {};
  for (const value of values ?? []) {
    if (value.name === undefined) continue;
    if (value.value !== undefined) templates[value.name] = fill(value.value, value.variables, inputs, value);
    else {
      templates[value.name] = `{${value.name}}`;
      ask(value.name, value, inputs);
    }
  }
  return templates;
}

function wordOf(value: Described, inputs: Input[]): string[] {
  const known = value.value ?? value.default;
  if (known !== undefined) return [fill(known, value.variables, inputs, value)];
  // A switch without a value.
  if (value.type === 'named' && value.valueHint === undefined && value.isRequired !== true) return [];
  const name = value.valueHint ?? value.name ?? 'value';
  ask(name, { ...value, isRequired: value.type !== 'named' || value.isRequired }, inputs);
  return [`{${name}}`];
}

/** Puts in what the document itself says of the variables in a text; the others stay as `{name}` and are asked for. */
function fill(
  text: string,
  variables: Record<string, z.infer<typeof Value>> | null | undefined,
  inputs: Input[],
  about: Described = {},
): string {
  const filled = text.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = variables?.[name];
    return variable?.value ?? variable?.default ?? whole;
  });
  for (const name of openIn(filled)) {
    const variable = variables?.[name] ?? {};
    // Without the value the text as a whole cannot be used: it is needed as much as that.
    const isRequired = variable.isRequired ?? about.isRequired ?? true;
    ask(name, { ...variable, isRequired, isSecret: variable.isSecret ?? about.isSecret }, inputs);
  }
  return filled;
}

function ask(name: string, value: Described, inputs: Input[]): void {
  if (inputs.some((input) => input.name === name)) return;
  inputs.push({
    name: name.slice(0, 256),
    required: value.isRequired === true,
    secret: value.isSecret === true,
    ...(value.description ? { description: value.description.slice(0, 1000) } : {}),
    ...(value.default !== undefined ? { default: value.default } : {}),
    ...(value.choices ? { choices: value.choices.slice(0, 100) } : {}),
  });
}

function isFilled(map: Record<string, string>): boolean {
  return Object.keys(map).length > 0;
}
