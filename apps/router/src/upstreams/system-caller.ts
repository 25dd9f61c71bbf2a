import { setMaxListeners } from 'node:events';
import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';

const NEVER = new AbortController().signal;
// Every list and probe in flight listens to it for as long as it runs.
setMaxListeners(0, NEVER);

/** The router itself, for handshakes, lists and probes: nobody ever cancels them and nothing is delivered. */
export const SYSTEM_CALLER = { principal: SYSTEM_PRINCIPAL, signal: NEVER };
