// What the launcher takes from the environment, and what it gives to each service.
import { join, resolve } from 'node:path';
import { ROOT } from '../workspace.mjs';

const LOOPBACK = '127.0.0.1';
const GATEWAY_ONLY = ['PORT', 'HOST', 'ADMIN_KEY', 'ANONYMOUS_ACCESS'];

/** `{ port, host, folder, config, adminKey }`. Relative paths are seen from the checkout, where npm runs us. */
export function readSettings(env = process.env) {
  const port = Number(env.PORT || 4000);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`PORT must be a number from 1 to 65535, not "${env.PORT}"`);
  return {
    port,
    host: env.HOST || LOOPBACK,
    folder: resolve(ROOT, env.MCPR_DATA_DIR || '.mcp-router'),
    config: resolve(ROOT, env.MCPR_CONFIG || 'mcp-router.json'),
    adminKey: env.ADMIN_KEY || undefined,
  };
}

/** The address that clients on this machine use. */
export function baseUrl({ host, port }) {
  const reachable = ['0.0.0.0', '::'].includes(host) ? LOOPBACK : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** The environment of one service: all of ours, so that a server entry may use `${VAR}`; the door's settings for the gateway alone. */
export function serviceEnv(app, settings, { DATABASE_URL, REDIS_URL }, env = process.env) {
  const inherited = Object.entries(env).filter(([name]) => !GATEWAY_ONLY.includes(name) && !name.startsWith('npm_'));
  const given = GATEWAY_ONLY.filter((name) => env[name]).map((name) => [name, env[name]]);
  return {
    ...Object.fromEntries(inherited),
    NODE_ENV: 'production',
    // From Node 22.1 on, compiled code is kept between starts.
    NODE_COMPILE_CACHE: join(settings.folder, 'compile-cache'),
    DATABASE_URL,
    REDIS_URL,
    MCPR_DATA_DIR: settings.folder,
    MCPR_CONFIG: settings.config,
    ...(app === 'gateway' ? { ...Object.fromEntries(given), PORT: String(settings.port), HOST: settings.host } : {}),
  };
}
