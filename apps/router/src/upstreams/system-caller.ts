import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';

/** The router itself, for handshakes, lists and probes: nobody ever cancels them and nothing is delivered. */
export const SYSTEM_CALLER = { principal: SYSTEM_PRINCIPAL, signal: new AbortController().signal };
