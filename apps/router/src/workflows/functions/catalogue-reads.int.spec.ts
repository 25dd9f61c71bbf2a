import { SYSTEM_PRINCIPAL } from '@mcp-router/shared';
import { Catalogue } from '../../catalogue/catalogue';
import { readItems, withPublicNames } from '../../catalogue/catalogue-item';
import { httpServer, type HttpServer } from '../../testing/http-server';
import { upstreamBench } from '../../testing/upstream-bench';
import type { UpstreamRegistry } from '../../upstreams/upstream-registry';
import { getPrompt, readResource, type Reading } from './catalogue-reads';

const page = (kind: string, items: object[]) => JSON.stringify({ [kind]: items });

describe.each(['legacy', 'modern'] as const)('prompts and resources of a %s server', (era) => {
  const bench = upstreamBench();
  const catalogue = new Catalogue();
  let server: HttpServer;
  let reading: Reading;
  beforeAll(async () => {
    server = await httpServer(era, ({ message, reply }) => {
      if (message.method === 'prompts/get') {
        const content = { type: 'text', text: JSON.stringify(message.params?.['arguments']) };
        reply({ resultType: 'complete', description: 'Greets', messages: [{ role: 'user', content }] });
      } else if (message.method === 'resources/read')
        reply({ resultType: 'complete', contents: [{ uri: message.params?.['uri'], text: 'read' }, { blob: 'AA==' }] });
      else return false;
      return true;
    });
    catalogue.set('srv', {
      prompts: withPublicNames(readItems('srv', 'prompts', page('prompts', [{ name: 'greet' }]))),
      resources: readItems('srv', 'resources', page('resources', [{ uri: 'file:///a', name: 'a' }])),
    });
    const upstream = bench.open({ type: 'http', url: server.url, headers: {} }, { slug: 'srv' });
    const upstreams = { get: (slug: string) => (slug === 'srv' ? upstream : undefined) } as unknown as UpstreamRegistry;
    reading = { catalogue, upstreams, principal: SYSTEM_PRINCIPAL, signal: new AbortController().signal };
  });
  afterAll(async () => {
    await bench.close();
    await server.stop();
  });

  it('are read by tasks, with their text at hand', async () => {
    expect(await getPrompt({ name: 'srv__greet', arguments: { who: 'Ann', times: 2 } }, reading)).toEqual({
      description: 'Greets',
      messages: [{ role: 'user', content: { type: 'text', text: '{"who":"Ann","times":"2"}' } }],
      text: '{"who":"Ann","times":"2"}',
    });
    const contents = [{ uri: 'file:///a', text: 'read' }, { blob: 'AA==' }];
    expect(await readResource({ uri: 'file:///a' }, reading)).toEqual({ contents, text: 'read' });
    const unlisted = await readResource({ uri: 'file:///b', server: 'srv' }, reading);
    expect(unlisted).toMatchObject({ contents: [{ uri: 'file:///b' }, {}] });
  });

  it('that nobody has are said to be missing', async () => {
    await expect(getPrompt({ name: 'srv__none' }, reading)).rejects.toMatchObject({ code: 'resource_not_found' });
    await expect(readResource({ uri: 'file:///b' }, reading)).rejects.toMatchObject({ code: 'resource_not_found' });
    await expect(readResource({ uri: 'x:y', server: 'none' }, reading)).rejects.toMatchObject({
      code: 'server_not_found',
    });
  });
});
