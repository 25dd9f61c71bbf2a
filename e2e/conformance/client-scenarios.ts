import { join } from 'node:path';
import type { System } from '../system';
import { runClientScenario, type Requirements } from './run';

export type Case = [scenario: string, version: Requirements | 'extension'];

/** Those of OAuth that both revisions score: a person signs in to each server. */
const OAUTH_OF_BOTH = [
  'auth/metadata-default',
  'auth/metadata-var1',
  'auth/metadata-var2',
  'auth/metadata-var3',
  'auth/basic-cimd',
  'auth/scope-from-www-authenticate',
  'auth/scope-from-scopes-supported',
  'auth/scope-omitted-when-undefined',
  'auth/scope-step-up',
  'auth/scope-retry-limit',
  'auth/token-endpoint-auth-basic',
  'auth/token-endpoint-auth-post',
  'auth/token-endpoint-auth-none',
  'auth/pre-registration',
];

export const SCENARIOS: readonly Case[] = [
  ['initialize', '2025-11-25'],
  ['tools_call', '2025-11-25'],
  ['sse-retry', '2025-11-25'],
  ['elicitation-sep1034-client-defaults', '2025-11-25'],
  ['json-schema-2020-12-preservation', '2025-11-25'],
  ['tools_call', '2026-07-28'],
  ['request-metadata', '2026-07-28'],
  ['sep-2322-client-request-state', '2026-07-28'],
  ['http-standard-headers', '2026-07-28'],
  ['http-custom-headers', '2026-07-28'],
  ['http-invalid-tool-headers', '2026-07-28'],
  ['json-schema-ref-no-deref', '2026-07-28'],
  ['json-schema-2020-12-preservation', '2026-07-28'],
];

export const OAUTH_OF_2026: readonly Case[] = [
  ...OAUTH_OF_BOTH,
  'auth/resource-mismatch',
  'auth/offline-access-scope',
  'auth/offline-access-not-supported',
  'auth/authorization-server-migration',
  'auth/iss-supported',
  'auth/iss-not-advertised',
  'auth/iss-supported-missing',
  'auth/iss-wrong-issuer',
  'auth/iss-unexpected',
  'auth/iss-normalized',
  'auth/metadata-issuer-mismatch',
].map((scenario) => [scenario, '2026-07-28']);

export const OAUTH_OF_2025: readonly Case[] = OAUTH_OF_BOTH.map((scenario) => [scenario, '2025-11-25']);

/** Nobody signs in: the router has credentials of its own. */
export const OWN_CREDENTIALS: readonly Case[] = [
  ['auth/client-credentials-basic', 'extension'],
  ['auth/client-credentials-jwt', 'extension'],
];

/** Has the router play one scenario towards the suite's mock server, and expects that nothing is found wanting. */
export async function expectPassed(system: System, [scenario, version]: Case): Promise<void> {
  const command = `"${process.execPath}" "${join(__dirname, 'client-driver.mjs')}"`;
  const env = { SYSTEM_URL: system.url, SYSTEM_KEY: system.key };
  const { scenarios, output } = await runClientScenario(scenario, { command, version, env });
  const faults = scenarios.flatMap(({ failures, warnings }) => [
    ...failures.map(({ id, message }) => `${id}: ${message}`),
    ...warnings,
  ]);
  expect({ faults, output: faults.length > 0 ? output : '' }).toEqual({ faults: [], output: '' });
  expect(scenarios.reduce((sum, { passed }) => sum + passed, 0)).toBeGreaterThan(0);
}
