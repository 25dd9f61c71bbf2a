/**
 * The conformance suites import `globSync` from `fs`, which Node 20 does not have; a missing export of a built-in
 * cannot be added at run time. `node --import ./node20.mjs suite.js` serves them an `fs` that has it. The function is
 * only called by a command of theirs that is not used here, so it says so if it ever is.
 */
import * as fs from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

const SHIM = 'mcp-router:fs-with-glob';

if (isMainThread && !('globSync' in fs)) register(import.meta.url);

export function resolve(specifier, context, next) {
  const isPatched = specifier === 'fs' && context.parentURL?.includes('conformance');
  return isPatched ? { url: SHIM, shortCircuit: true } : next(specifier, context);
}

export function load(url, context, next) {
  if (url !== SHIM) return next(url, context);
  const source = `
    export * from 'node:fs';
    export { default } from 'node:fs';
    export function globSync() { throw new Error('globSync is not available on this Node'); }`;
  return { format: 'module', source, shortCircuit: true };
}
