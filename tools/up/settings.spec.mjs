import { baseUrl, readSettings, serviceEnv } from './settings.mjs';

const servers = { DATABASE_URL: 'postgres://db', REDIS_URL: 'redis://r' };

describe('the settings of the launcher', () => {
  it('have defaults for all', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({ port: 4000, host: '127.0.0.1' });
    expect(settings.folder).toMatch(/\/\.mcp-router$/);
    expect(settings.config).toMatch(/\/mcp-router\.json$/);
    expect(baseUrl(settings)).toBe('http://127.0.0.1:4000');
  });

  it.each(['x', '0', '70000', '4000.5'])('refuse PORT=%s', (PORT) => {
    expect(() => readSettings({ PORT })).toThrow('PORT must be a number from 1 to 65535');
  });

  it('name an address that can be opened when the gateway listens on all', () => {
    expect(baseUrl({ host: '0.0.0.0', port: 80 })).toBe('http://127.0.0.1:80');
    expect(baseUrl({ host: '::1', port: 80 })).toBe('http://[::1]:80');
  });

  it('give what concerns the door to the gateway alone, and the rest of the environment to all', () => {
    const env = { PORT: '4100', ADMIN_KEY: 'secret', ANONYMOUS_ACCESS: 'true', GITHUB_TOKEN: 't' };
    const settings = readSettings(env);
    expect(serviceEnv('gateway', settings, servers, env)).toMatchObject({ ...env, ...servers, HOST: '127.0.0.1' });
    const router = serviceEnv('router', settings, servers, env);
    expect(router).toMatchObject({ ...servers, GITHUB_TOKEN: 't', NODE_ENV: 'production' });
    for (const name of ['PORT', 'HOST', 'ADMIN_KEY', 'ANONYMOUS_ACCESS']) expect(router).not.toHaveProperty(name);
  });
});
